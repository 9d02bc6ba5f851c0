//! Whose a row is.

use std::collections::BTreeSet;

use weir_model::LoadBalancerId;

use crate::{error::PlanError, keys, row::LoadBalancerRow};

/// Which load balancers made by somebody else may be taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Adopt {
    /// None of them.
    #[default]
    None,
    /// Every load balancer of the reference driver.
    All,
    /// The named ones.
    Ids(BTreeSet<LoadBalancerId>),
}

/// The deployment's name and what it may adopt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Value of `weir:owner` on our rows.
    pub deployment: String,
    /// What may be taken over.
    pub adopt: Adopt,
}

impl Ownership {
    /// True for a row this deployment has written.
    pub fn owns(&self, row: &LoadBalancerRow) -> bool {
        row.external_ids.get(keys::OWNER) == Some(&self.deployment)
    }

    /// Checks that a row may be written.
    ///
    /// # Errors
    /// [`PlanError::Foreign`] where it is somebody else's.
    pub fn may_write(&self, lb: LoadBalancerId, row: &LoadBalancerRow) -> Result<(), PlanError> {
        if self.owns(row) {
            return Ok(());
        }
        let foreign = |owner: String| PlanError::Foreign { lb, row: row.uuid, owner };
        if let Some(owner) = row.external_ids.get(keys::DEVICE_OWNER) {
            return Err(foreign(owner.clone()));
        }
        if let Some(owner) = row.external_ids.get(keys::OWNER) {
            return Err(foreign(format!("deployment {owner:?}")));
        }
        match &self.adopt {
            Adopt::All => Ok(()),
            Adopt::Ids(ids) if ids.contains(&lb) => Ok(()),
            Adopt::None | Adopt::Ids(_) => Err(foreign("another driver".to_owned())),
        }
    }
}
