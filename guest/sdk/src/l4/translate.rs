//! From a listener with its pool to entries.

use super::{L4, accept};
use crate::{Context, Listener, Member, Pool, Refusal, Share, Translation, entries, why_empty};

/// One entry a VIP: the listener's port, and behind it the members that are enabled, of the VIP's family and
/// have a share, in the given order, each at its own port. A VIP without such members has no entry.
///
/// # Errors
/// Refused: a protocol that is not one of these, or an attribute that OVN cannot honour.
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
            format!("a load balancer without listeners is not one of {}", l4.protocols.join(" or ")),
        ));
    }
    if let Some(listener) = listener {
        accept::listener(l4, ctx, listener)?;
    }
    if let Some(pool) = pool {
        accept::pool(l4, listener, pool)?;
    }
    let (entries, empty_reason) = match (listener, pool) {
        (None, _) => (vec![], Some("there is no listener")),
        (_, None) => (vec![], Some("the listener has no pool")),
        (Some(listener), _) if !listener.enabled => (vec![], Some("the listener is disabled")),
        (_, Some(pool)) if !pool.enabled => (vec![], Some("the pool is disabled")),
        (Some(listener), Some(_)) => {
            let entries = entries(ctx, listener.port, members, shares);
            let reason = entries.is_empty().then(|| why_empty(ctx, members, shares));
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
