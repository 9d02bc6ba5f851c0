//! Plugins that translate wrongly.

use weir_guest::*;
use weir_testkit::*;

use crate::stand_in::*;

#[test]
fn a_good_plugin_breaks_none() {
    let good = Wrong::default();
    conformance(&good, Depth::Full, "").assert_ok();
    conformance(&good, Depth::Quick, "").assert_ok();
    properties(&good, 1, 2000, "").assert_ok();
}

#[test]
fn what_breaks() {
    let wrong = translating(|unit, answer| {
        if unit.members.len() == 100 {
            answer.iter_mut().for_each(|t| t.transport = "break".into());
        }
    });
    breaks(&wrong, "no question breaks a plugin", "refuse what cannot be had");
}

#[test]
fn what_changes_its_mind() {
    let wrong = translating(|_, answer| answer.iter_mut().for_each(|t| t.transport = "count".into()));
    breaks(&wrong, "the same question has the same answer", "keep nothing between calls");
}

#[test]
fn who_serves_anything() {
    let wrong = translating(|unit, answer| {
        if answer.is_err() && unit.listener.is_some() {
            *answer = Ok(Translation::empty("tcp", "whatever"));
        }
    });
    breaks(&wrong, "what a plugin does not serve it refuses", "Refusal::unsupported");
}

#[test]
fn who_takes_load_balancers_without_listeners() {
    let wrong = translating(|unit, answer| {
        if unit.listener.is_none() && unit.pool.is_none() {
            *answer = Ok(Translation::empty("tcp", "there is nothing"));
        }
    });
    breaks(&wrong, "what a plugin does not serve it refuses", "");
}

#[test]
fn who_serves_nothing() {
    let wrong = translating(|_, answer| *answer = Err(Refusal::new("no", "", "not today")));
    breaks(&wrong, "what a plugin says that it serves it does serve", "plain case of every word");
    let wrong = distributing(|_, answer| *answer = Err(Refusal::new("no", "", "not today")));
    breaks(&wrong, "what a plugin says that it serves it does serve", "plain case of every word");
}

#[test]
fn indices() {
    let wrong = translating(|unit, answer| {
        let members = u32::try_from(unit.members.len()).unwrap();
        each_backend(answer).for_each(|b| b.member += members);
    });
    breaks(
        &wrong,
        "a member is named by its index in the call's list",
        "count the members of this call from 0",
    );
    let wrong = translating(|_, answer| {
        let more = |e: &Entry| Entry { vip: 9, backends: vec![], ..e.clone() };
        answer
            .iter_mut()
            .for_each(|t| t.entries.extend(t.entries.first().map(more).into_iter().collect::<Vec<_>>()));
    });
    breaks(&wrong, "a VIP is named by its index in the context's list", "count ctx.vips from 0");
}

#[test]
fn entries_and_backends() {
    let twice = translating(|_, answer| {
        answer.iter_mut().flat_map(|t| &mut t.entries).for_each(|e| {
            e.backends = e.backends.iter().flat_map(|b| [*b, *b]).collect();
        });
    });
    breaks(&twice, "a member stands once in an entry", "more copies");
    let copies = translating(|_, answer| each_backend(answer).for_each(|b| b.copies = 65));
    breaks(&copies, "copies are 1 to 64", "shares_by_weight");
    let port = translating(|_, answer| each_backend(answer).for_each(|b| b.port = 0));
    breaks(&port, "a backend has a port", "leave out");
    let port = translating(|_, answer| {
        answer.iter_mut().flat_map(|t| &mut t.entries).for_each(|e| e.port = 0);
    });
    breaks(&port, "an entry has its listener's port", "take listener.port");
    let entry = translating(|_, answer| {
        answer.iter_mut().for_each(|t| {
            let first = t.entries.first().cloned();
            t.entries.extend(first);
        });
    });
    breaks(&entry, "a VIP and port stand in one entry only", "into one entry");
}

/// All members, whatever they are, behind all VIPs where `keep` lets them.
fn everybody(
    unit: &Unit,
    answer: &mut Result<Translation, Refusal>,
    keep: fn(&Unit, &Vip, u32, &Member) -> bool,
) {
    let Ok(translation) = answer else { return };
    let open =
        unit.listener.as_ref().is_some_and(|l| l.enabled) && unit.pool.as_ref().is_some_and(|p| p.enabled);
    if !open {
        return;
    }
    let behind = |vip: &Vip| {
        let kept = (0..).zip(&unit.members).filter(|(n, m)| m.port != 0 && keep(unit, vip, *n, m));
        kept.map(|(member, m)| Backend { member, port: m.port, copies: 1 }).collect::<Vec<_>>()
    };
    let port = unit.listener.as_ref().map_or(80, |listener| listener.port);
    let entries = (0..).zip(&unit.context.vips).map(|(vip, v)| Entry { vip, port, backends: behind(v) });
    translation.entries = entries.filter(|e| !e.backends.is_empty()).collect();
}

fn shared(unit: &Unit, member: u32) -> bool {
    unit.shares.iter().any(|s| s.member == member)
}

#[test]
fn families_disabled_members_and_shares() {
    let family = translating(|unit, answer| {
        everybody(unit, answer, |unit, _, n, m| m.enabled && shared(unit, n));
    });
    breaks(
        &family,
        "a member stands behind VIPs of its own family only",
        "cannot translate between IPv4 and IPv6",
    );
    let share = translating(|unit, answer| {
        everybody(unit, answer, |_, vip, _, m| m.family == vip.family && m.enabled);
    });
    breaks(&share, "only enabled members with a share get connections", "member.enabled");
}

#[test]
fn what_is_closed_stays_closed() {
    let wrong = translating(|unit, answer| {
        let open =
            Unit { listener: unit.listener.clone().map(|l| Listener { enabled: true, ..l }), ..unit.clone() };
        *answer = l4::translate(
            &L4,
            &open.context,
            open.listener.as_ref(),
            open.pool.as_ref(),
            &open.members,
            &open.shares,
        );
    });
    breaks(&wrong, "entries need a listener and a pool, both enabled", "listener.enabled");
}

#[test]
fn silence() {
    let wrong = translating(|unit, answer| {
        if unit.members.len() > 3 {
            answer.iter_mut().for_each(|t| t.entries.clear());
        }
    });
    breaks(&wrong, "a VIP is left without backends only for a reason that is given", "set empty_reason");
}
