//! Translations.

use std::collections::BTreeSet;

use weir_guest::{Description, Entry, Family, Translation, Vip};

use super::{Fault, distribution, no_such_member, text};
use crate::question::Unit;

pub(crate) fn check(of: &Description, asked: &Unit, answer: &Translation) -> Vec<Fault> {
    let mut faults: Vec<_> =
        text::known("transport", &answer.transport, &asked.context).into_iter().collect();
    faults.extend(text::options(of, &answer.options));
    if let Some(reason) = &answer.empty_reason
        && reason.len() > text::SENTENCE
    {
        faults.push(text::too_long("empty_reason", reason.len()));
    }
    let open =
        asked.listener.as_ref().is_some_and(|l| l.enabled) && asked.pool.as_ref().is_some_and(|p| p.enabled);
    if !answer.entries.is_empty() && !open {
        faults.push(Fault::new(
            "entries need a listener and a pool, both enabled",
            "no entries, and an empty_reason",
            format!("{} entries", answer.entries.len()),
            "look at listener.enabled and pool.enabled, and at both being there, before making entries",
        ));
    }
    let usable = usable(asked);
    let mut places = BTreeSet::new();
    let mut served = BTreeSet::new();
    for entry in &answer.entries {
        if let Some(listener) = asked.listener.as_ref().filter(|listener| listener.port != entry.port) {
            faults.push(Fault::new(
                "an entry has its listener's port",
                format!("port {}", listener.port),
                format!("port {}", entry.port),
                "take listener.port; a VIP's other ports are other listeners'",
            ));
        }
        if !places.insert((entry.vip, entry.port)) {
            faults.push(Fault::new(
                "a VIP and port stand in one entry only",
                format!("one entry for VIP {} port {}", entry.vip, entry.port),
                "two",
                "put all backends of a VIP and port into one entry",
            ));
        }
        let Some(vip) = asked.context.vips.get(entry.vip as usize) else {
            faults.push(Fault::new(
                "a VIP is named by its index in the context's list",
                format!("an index below {}", asked.context.vips.len()),
                format!("VIP {}", entry.vip),
                "count ctx.vips from 0",
            ));
            continue;
        };
        faults.extend(backends(entry, vip, asked, &usable));
        if !entry.backends.is_empty() {
            served.insert(entry.vip);
        } else if answer.empty_reason.is_none() {
            faults.push(silent(entry.vip, "an entry without backends"));
        }
    }
    if answer.empty_reason.is_none() && open {
        let missing = (0u32..).zip(&asked.context.vips).filter(|(index, vip)| {
            let wants = !(vip.floating && vip.family == Family::Ipv6);
            let can = asked.members.iter().zip(&usable).any(|(m, usable)| *usable && m.family == vip.family);
            wants && can && !served.contains(index)
        });
        faults.extend(
            missing.map(|(index, _)| silent(index, "no entry, although members of its family are usable")),
        );
    }
    faults
}

/// Which members may get connections: enabled, with a port and a share.
fn usable(asked: &Unit) -> Vec<bool> {
    let mut usable = vec![false; asked.members.len()];
    for share in &asked.shares {
        let index = share.member as usize;
        if let (Some(place), Some(member)) = (usable.get_mut(index), asked.members.get(index)) {
            *place = member.enabled && member.port != 0;
        }
    }
    usable
}

fn silent(vip: u32, got: &str) -> Fault {
    Fault::new(
        "a VIP is left without backends only for a reason that is given",
        format!("backends behind VIP {vip}, or an empty_reason"),
        got,
        "set empty_reason to why; without it the host takes the answer for a failure and leaves what is live",
    )
}

fn backends(of: &Entry, vip: &Vip, asked: &Unit, usable: &[bool]) -> Vec<Fault> {
    let mut faults = vec![];
    let mut seen = vec![false; asked.members.len()];
    for backend in &of.backends {
        let index = backend.member as usize;
        let (Some(member), Some(seen)) = (asked.members.get(index), seen.get_mut(index)) else {
            faults.push(no_such_member(backend.member, asked.members.len()));
            continue;
        };
        if std::mem::replace(seen, true) {
            faults.push(Fault::new(
                "a member stands once in an entry",
                format!("member {index} once behind VIP {}", of.vip),
                "twice",
                "a bigger share is more copies of one backend",
            ));
        }
        if !(1..=64).contains(&backend.copies) {
            faults.push(distribution::copies(backend.member, backend.copies));
        }
        if backend.port == 0 {
            faults.push(Fault::new(
                "a backend has a port",
                format!("a port above 0 for member {index}"),
                "port 0",
                "leave out a member without a port; weir_guest::backends does",
            ));
        }
        if member.family != vip.family {
            faults.push(Fault::new(
                "a member stands behind VIPs of its own family only",
                format!("members of {} behind VIP {}", family(vip.family), of.vip),
                format!("member {index}, of {}", family(member.family)),
                "OVN cannot translate between IPv4 and IPv6: compare member.family with vip.family",
            ));
        }
        if usable.get(index) != Some(&true) {
            let why = if member.enabled { "has no share" } else { "is disabled" };
            faults.push(Fault::new(
                "only enabled members with a share get connections",
                format!("member {index}, which {why}, behind no VIP"),
                format!("it stands behind VIP {}", of.vip),
                "go through the shares, and leave out what member.enabled denies; weir_guest::backends does",
            ));
        }
    }
    faults
}

fn family(of: Family) -> &'static str {
    match of {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}
