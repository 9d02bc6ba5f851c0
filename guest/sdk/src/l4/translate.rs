//! From a listener with its pool to entries.

use super::{L4, accept};
use crate::{Backend, Context, Entry, Family, Listener, Member, Pool, Refusal, Share, Translation, Vip};

/// One entry a VIP: the listener's port, and behind it the members that are enabled, of the VIP's family and
/// have a share, in the given order, each at its own port. A VIP without such members has no entry.
///
/// # Errors
/// Refused: a protocol that is not this one's, or an attribute that OVN cannot honour.
pub fn translate(
    l4: &L4,
    ctx: &Context,
    listener: Option<&Listener>,
    pool: Option<&Pool>,
    members: &[Member],
    shares: &[Share],
) -> Result<Translation, Refusal> {
    if listener.is_none() && pool.is_none() && !l4.fallback {
        return Err(Refusal::new(
            "not-the-fallback",
            "",
            format!("a load balancer without listeners is not one of {}", l4.protocol),
        ));
    }
    if let Some(listener) = listener {
        accept::listener(l4, listener)?;
    }
    if let Some(pool) = pool {
        accept::pool(l4, pool)?;
    }
    let (entries, empty_reason) = match (listener, pool) {
        (None, _) => (vec![], Some("there is no listener")),
        (_, None) => (vec![], Some("the listener has no pool")),
        (Some(listener), _) if !listener.enabled => (vec![], Some("the listener is disabled")),
        (_, Some(pool)) if !pool.enabled => (vec![], Some("the pool is disabled")),
        (Some(listener), Some(_)) => {
            let copies = copies(members, shares);
            let entries = entries(ctx, listener.port, members, &copies);
            let reason = entries.is_empty().then(|| why_empty(ctx, members, &copies));
            (entries, reason)
        }
    };
    Ok(Translation {
        transport: l4.transport.into(),
        entries,
        options: vec![],
        empty_reason: empty_reason.map(Into::into),
    })
}

/// Each member's copies, zero for one that gets no connections.
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

fn entries(ctx: &Context, port: u16, members: &[Member], copies: &[u16]) -> Vec<Entry> {
    let entry = |(vip, at): (u32, &Vip)| {
        // OVN has floating IPs for IPv4 only.
        if at.floating && at.family == Family::Ipv6 {
            return None;
        }
        let backends: Vec<_> = (0u32..)
            .zip(members.iter().zip(copies))
            .filter(|(_, (m, copies))| **copies > 0 && m.family == at.family)
            .map(|(member, (m, &copies))| Backend { member, port: m.port, copies })
            .collect();
        (!backends.is_empty()).then_some(Entry { vip, port, backends })
    };
    (0u32..).zip(&ctx.vips).filter_map(entry).collect()
}

fn why_empty(ctx: &Context, members: &[Member], copies: &[u16]) -> &'static str {
    if ctx.vips.is_empty() {
        "the load balancer has no VIP"
    } else if members.is_empty() {
        "the pool has no members"
    } else if members.iter().all(|m| !m.enabled) {
        "all members are disabled"
    } else if copies.iter().all(|c| *c == 0) {
        "no enabled member has a share of the connections"
    } else {
        "no usable member has the IP version of a VIP"
    }
}
