//! Why there is no plan.

use weir_model::{ListenerId, LoadBalancerId};

use crate::translation::Problem;

/// Why no plan could be made; nothing is to be written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A row with this load balancer's name belongs to somebody else.
    #[error("load balancer {lb}: row {row} belongs to {owner}, and adopting it is not configured")]
    Foreign {
        /// The load balancer.
        lb: LoadBalancerId,
        /// The row's uuid.
        row: uuid::Uuid,
        /// What its owner key says, or how it looks.
        owner: String,
    },
    /// A plugin refused or failed, and there is no earlier row to keep.
    #[error("{0}")]
    Translation(Problem),
    /// The connected Northbound has no such value.
    #[error("the Northbound's schema does not allow {value:?} in Load_Balancer.{column}")]
    NotInSchema {
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// Two listeners want the same address, port and transport.
    #[error("listener {listener}: {vip} over {transport} is taken by listener {other}")]
    VipTaken {
        /// The later listener.
        listener: ListenerId,
        /// The earlier one.
        other: ListenerId,
        /// `address:port`, or `port <number>`.
        vip: String,
        /// OVN's transport.
        transport: String,
    },
    /// A bug, found by the checker before anything was sent.
    #[error("the plan for load balancer {lb} is not sound: {why}")]
    Unsound {
        /// The load balancer.
        lb: LoadBalancerId,
        /// What is wrong.
        why: String,
    },
}

impl PlanError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &str {
        match self {
            Self::Foreign { .. } => "foreign-row",
            Self::Translation(problem) => &problem.code,
            Self::NotInSchema { .. } => "not-in-schema",
            Self::VipTaken { .. } => "vip-taken",
            Self::Unsound { .. } => "unsound-plan",
        }
    }
}
