//! Whose a row is.

use std::collections::BTreeSet;

use weir_model::LoadBalancerId;

use crate::{
    centralised::MemberFloatingIps, diff::row_uuid, edited, error::PlanError, keys, row::LoadBalancerRow,
};

/// Rows of one load balancer whose uuids are looked through.
const NUMBERS: u32 = 16;

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

/// The deployment's name, what it may adopt, and what it does to members' floating IPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Value of `weir:owner` on our rows.
    pub deployment: String,
    /// What may be taken over.
    pub adopt: Adopt,
    /// What becomes of `NAT` rows, which are Neutron's.
    pub member_floating_ips: MemberFloatingIps,
}

impl Ownership {
    /// True for a row this deployment has written, also where somebody has taken the owner's key from it.
    pub fn owns(&self, row: &LoadBalancerRow) -> bool {
        match row.external_ids.get(keys::OWNER) {
            Some(owner) => *owner == self.deployment,
            None => self.has_written(row),
        }
    }

    /// True for a row of a load balancer that this deployment has written, whatever somebody has made of its name and keys:
    /// nobody else gives it that uuid. A row without any key of ours was released.
    pub fn owns_of(&self, lb: LoadBalancerId, row: &LoadBalancerRow) -> bool {
        let disowned =
            [keys::OWNER, keys::DEVICE_OWNER].iter().all(|key| !row.external_ids.contains_key(*key));
        self.owns(row) || disowned && has_key_of_ours(row) && has_uuid_of(lb, row)
    }

    /// Whether a row without owner still shows that this deployment has written it: by the hash of our keys, which the owner
    /// is part of, or by a uuid that nobody else gives.
    fn has_written(&self, row: &LoadBalancerRow) -> bool {
        if row.external_ids.contains_key(keys::DEVICE_OWNER) || !has_key_of_ours(row) {
            return false;
        }
        let mut with_owner = row.external_ids.clone();
        with_owner.insert(keys::OWNER.to_owned(), self.deployment.clone());
        if row.external_ids.get(keys::OWN) == Some(&edited::own(&with_owner)) {
            return true;
        }
        let names = [row.external_ids.get(keys::LB), Some(&row.name)];
        let mut ids = names.into_iter().flatten().filter_map(|id| id.parse::<LoadBalancerId>().ok());
        ids.any(|id| has_uuid_of(id, row))
    }

    /// Whether a load balancer that somebody else made may be taken over.
    pub fn adopts(&self, lb: LoadBalancerId) -> bool {
        match &self.adopt {
            Adopt::All => true,
            Adopt::Ids(ids) => ids.contains(&lb),
            Adopt::None => false,
        }
    }

    /// True for a row that is nobody's of Weir's and may be taken over.
    pub fn may_adopt(&self, lb: LoadBalancerId, row: &LoadBalancerRow) -> bool {
        !self.owns_of(lb, row) && self.may_write(lb, row).is_ok()
    }

    /// Checks that a row may be written.
    ///
    /// # Errors
    /// [`PlanError::Foreign`] where it is somebody else's.
    pub fn may_write(&self, lb: LoadBalancerId, row: &LoadBalancerRow) -> Result<(), PlanError> {
        if self.owns_of(lb, row) {
            return Ok(());
        }
        let foreign = |owner: String| PlanError::Foreign { lb, row: row.uuid, owner };
        if let Some(owner) = row.external_ids.get(keys::DEVICE_OWNER) {
            return Err(foreign(owner.clone()));
        }
        if let Some(owner) = row.external_ids.get(keys::OWNER) {
            return Err(foreign(format!("deployment {owner:?}")));
        }
        match self.adopts(lb) {
            true => Ok(()),
            false => Err(foreign("another driver".to_owned())),
        }
    }
}

fn has_key_of_ours(row: &LoadBalancerRow) -> bool {
    row.external_ids.keys().any(|key| key.starts_with(keys::OURS))
}

/// Whether a row has one of the uuids that this program gives the rows of a load balancer.
pub fn has_uuid_of(lb: LoadBalancerId, row: &LoadBalancerRow) -> bool {
    (0..NUMBERS).any(|n| row_uuid(lb, n) == row.uuid)
}
