//! Octavia's load balancers as plain values.
//!
//! ```text
//!   provider call ──> Change ──┐
//!                              ├── apply ──> LoadBalancer (the wanted graph) ──> operating statuses
//!   LoadBalancer (as it is) ───┘
//! ```
//!
//! Reads and writes nothing: no clock, no socket, no database. What a protocol or an algorithm means is not known
//! here either; Octavia's words are carried as strings and judged by plugins.

mod apply;
mod change;
mod field;
mod flavor;
mod graph;
mod ids;
mod release;
mod revert;
mod settle;
mod status;

pub use apply::{Applied, ApplyError, apply};
pub use change::{
    BatchMember, Change, ExtraPatch, ListenerPatch, LoadBalancerPatch, MemberPatch, MonitorPatch, ObjectKind,
    PoolPatch,
};
pub use field::Field;
pub use flavor::{FLAVOR_KEYS, FlavorKey, NEIGHBOR_RESPONDER, Since};
pub use graph::{Extra, Listener, LoadBalancer, Member, Monitor, Persistence, Pool, Vip};
pub use ids::{
    HealthMonitorId, IdError, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, NetworkId, PoolId,
    PortId, SubnetId,
};
pub use release::{ObjectRef, ProvisioningStatus, Released, Touched, failed, has, released, touched};
pub use revert::revert;
pub use settle::{Settled, settle, take_out, take_values};
pub use status::{Health, HealthMap, OperatingStatus, OperatingStatuses, operating_statuses};
