//! From members and their shares to entries: what most protocols need.

use crate::{Backend, Context, Entry, Family, Member, Share, Vip};

/// The members that may stand behind a VIP: enabled, with a port, of the VIP's family and with a share; in the
/// members' order, each at its own port.
///
/// ```
/// use weir_guest::{backends, testing, shares_evenly};
///
/// let members = [testing::member("192.0.2.1:8080"), testing::member("[2001:db8::1]:8080")];
/// let found = backends(&testing::vip("198.51.100.1"), &members, &shares_evenly(&members));
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].member, found[0].port, found[0].copies), (0, 8080, 1));
/// ```
pub fn backends(vip: &Vip, members: &[Member], shares: &[Share]) -> Vec<Backend> {
    behind(vip, members, &copies(members, shares))
}

/// One entry a VIP at `port`, with its [`backends`]; a VIP without any has no entry, and neither has a floating
/// IP of IPv6, which OVN does not know.
///
/// ```
/// use weir_guest::{entries, testing, shares_evenly};
///
/// let ctx = testing::context(&["198.51.100.1", "2001:db8::1"]);
/// let members = [testing::member("192.0.2.1:8080")];
/// let found = entries(&ctx, 80, &members, &shares_evenly(&members));
/// assert_eq!(found.len(), 1, "no member has the family of the second VIP");
/// assert_eq!((found[0].vip, found[0].port), (0, 80));
/// ```
pub fn entries(ctx: &Context, port: u16, members: &[Member], shares: &[Share]) -> Vec<Entry> {
    let copies = copies(members, shares);
    let entry = |(vip, at): (u32, &Vip)| {
        if at.floating && at.family == Family::Ipv6 {
            return None;
        }
        let backends = behind(at, members, &copies);
        (!backends.is_empty()).then_some(Entry { vip, port, backends })
    };
    (0u32..).zip(&ctx.vips).filter_map(entry).collect()
}

/// Why [`entries`] found none: for `empty_reason`.
///
/// ```
/// use weir_guest::{testing, why_empty};
///
/// let ctx = testing::context(&["198.51.100.1"]);
/// assert_eq!(why_empty(&ctx, &[], &[]), "the pool has no members");
/// ```
pub fn why_empty(ctx: &Context, members: &[Member], shares: &[Share]) -> &'static str {
    if ctx.vips.is_empty() {
        "the load balancer has no VIP"
    } else if members.is_empty() {
        "the pool has no members"
    } else if members.iter().all(|m| !m.enabled) {
        "all members are disabled"
    } else if copies(members, shares).iter().all(|c| *c == 0) {
        "no enabled member has a share of the connections"
    } else {
        "no usable member has the IP version of a VIP"
    }
}

fn behind(vip: &Vip, members: &[Member], copies: &[u16]) -> Vec<Backend> {
    (0u32..)
        .zip(members.iter().zip(copies))
        .filter(|(_, (m, copies))| **copies > 0 && m.family == vip.family)
        .map(|(member, (m, &copies))| Backend { member, port: m.port, copies })
        .collect()
}

/// Each member's copies, zero for one that gets no connections.
// Once in a component, not once a caller: a plugin is small.
#[inline(never)]
fn copies(members: &[Member], shares: &[Share]) -> Vec<u16> {
    let mut copies = vec![0; members.len()];
    for share in shares {
        let usable = members.get(share.member as usize).is_some_and(|m| m.enabled && m.port != 0);
        if let Some(place) = copies.get_mut(share.member as usize)
            && usable
        {
            *place = share.copies;
        }
    }
    copies
}
