//! A protocol that OVN balances by connection: what all such plugins share, parameterised by [`L4`].

mod accept;
mod translate;

pub use accept::{check_members, plan_monitor};
pub use translate::translate;

use crate::Description;

/// Octavia's protocols over one transport.
///
/// ```
/// use weir_guest::{Protocol as _, l4::L4, testing};
///
/// const L4: L4 = L4 {
///     name: "pigeon",
///     version: "1.2.3",
///     protocols: &["PIGEON"],
///     transport: "pigeon",
///     fallback: false,
///     monitors: &["COO"],
/// };
///
/// pub struct Pigeon;
///
/// weir_guest::export_l4!(Pigeon, L4);
///
/// let pool = testing::pool("PIGEON", "");
/// let check = Pigeon::plan_monitor(&testing::context(&[]), &pool, &testing::monitor("COO")).unwrap();
/// assert_eq!(check.interval_s, 5);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct L4 {
    /// The plugin's name.
    pub name: &'static str,
    /// The plugin's version.
    pub version: &'static str,
    /// Octavia's words, as in `listener.protocol` and `pool.protocol`. Nobody reads what is in a connection, so all mean
    /// the same, and a listener of one may have a pool of another: which pairs make sense is judged by Octavia.
    pub protocols: &'static [&'static str],
    /// The Northbound's word, as in `Load_Balancer.protocol`.
    pub transport: &'static str,
    /// Whether the transport is also that of a load balancer without listeners.
    pub fallback: bool,
    /// Octavia's kinds of health monitor that OVN can run for this transport.
    pub monitors: &'static [&'static str],
}

impl L4 {
    /// The plugin's description.
    pub fn describe(&self) -> Description {
        Description {
            fallback: self.fallback,
            ..Description::of_protocols(self.name, self.version, self.protocols)
        }
    }
}

#[cfg(test)]
mod tests;
