//! What a load balancer had before a question: the options that were accepted once and that a call leaves as they are.

use weir_model::{Extra, Listener, Pool};

use super::Subject;

/// The options of a listener and a pool that the load balancer had before with the same value, as `object.attribute` with
/// spaces between them; empty where there are none. An option that the operator wants accepted in any case is not among
/// them: the plugin says whether it has an effect.
pub fn inherited(subject: &Subject<'_>, listener: Option<&Listener>, pool: Option<&Pool>) -> String {
    let Some(before) = subject.before else { return String::new() };
    let mut fields = Vec::new();
    let mut same = |object: &str, now: &Extra, then: &Extra| {
        let kept = now.iter().filter(|(key, value)| then.get(*key) == Some(value));
        let kept = kept.map(|(key, _)| format!("{object}.{key}"));
        fields.extend(kept.filter(|field| !subject.policy.warns(field)));
    };
    if let Some((now, then)) = listener.and_then(|now| Some((now, before.listeners.get(&now.id)?))) {
        same("listener", &now.extra, &then.extra);
    }
    if let Some((now, then)) = pool.and_then(|now| Some((now, before.pools.get(&now.id)?))) {
        same("pool", &now.extra, &then.extra);
        if let (Some(now), Some(then)) = (&now.persistence, &then.persistence)
            && now.kind == then.kind
        {
            same("persistence", &now.extra, &then.extra);
        }
    }
    fields.join(" ")
}
