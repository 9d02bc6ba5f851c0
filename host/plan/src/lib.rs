//! Load balancers to OVN Northbound rows and back.
//!
//! ```text
//!   rows ──decode──> LoadBalancer ──units──> (plugins translate) ──> Translations
//!                                                                        v
//!   LoadBalancer + Translations + Topology ──compile──> wanted rows ──diff(rows)──> Plan ──check──> operations
//! ```
//!
//! Pure: same input, same output; no clock, no random, no socket. It never names a protocol or an algorithm, and never
//! makes an operation on a row that is not the deployment's own (but for the own elements in a switch's or router's
//! `load_balancer` set and a switch's `acls`, and what [`centralised`] says).
//!
//! The table of `external_ids` keys stands in [`keys`].

pub mod acls;
pub mod adopted;
pub mod attach;
pub mod capabilities;
pub mod centralised;
pub mod check;
pub mod compile;
pub mod decode;
pub mod diff;
pub mod edited;
mod error;
mod external_ids;
pub mod finding;
pub mod fronts;
pub mod idle;
mod keep;
pub mod keys;
pub mod makers;
pub mod monitors;
pub mod operations;
pub mod outcome;
pub mod overlap;
pub mod ownership;
mod python_json;
pub mod reachability;
pub mod recording;
pub mod release;
pub mod revision;
pub mod row;
mod settle;
mod surroundings;
pub mod topology;
pub mod translation;
mod unreachable;
mod withhold;
pub mod words;

pub use acls::{Acl, ExistingAcl};
pub use capabilities::Capabilities;
pub use centralised::{FloatingIp, MemberFloatingIps, centralise, covers_members, give_back, mark};
pub use check::check;
pub use compile::{Wanted, compile};
pub use decode::{Decoded, RowFinding, decode};
pub use diff::diff;
pub use edited::edited;
pub use error::PlanError;
pub use finding::Finding;
pub use fronts::{Front, fronts};
pub use keep::can_be_kept;
pub use makers::{Makers, makers};
pub use monitors::{NoProbes, Probes, Sourceless, health, health_in_rows};
pub use operations::{Holder, MapPatch, Operation, Plan, Update};
pub use outcome::outcome;
pub use overlap::{EndpointCheck, ListensOn, Overlap, VipHolder, With, overlaps};
pub use ownership::{Adopt, Ownership};
pub use recording::{Fingerprint, Lookup, Lookups, Recording, fingerprint};
pub use release::{Loss, Release, release};
pub use row::{Attached, Existing, HealthCheckRow, LoadBalancerRow};
pub use surroundings::Surroundings;
pub use topology::{Port, RouterPort, RouterRef, Subnet, Switch, Topology};
pub use translation::{
    Backend, Distribution, Entry, HealthCheck, Problem, Share, Translation, Translations, Unit, UnitKey,
    units,
};
pub use withhold::withhold_vips;
pub use words::{Affinity, Words};
