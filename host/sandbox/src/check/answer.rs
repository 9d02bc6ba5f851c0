//! Translations, distributions, health checks.

use std::collections::BTreeSet;

use super::{Bad, Items, text};
use crate::{
    Context, Distribution, Entry, Family, HealthCheck, Limits, Listener, Member, Pool, Share, Translation,
    Vip,
};

/// Most often that a member stands among the backends.
const COPIES: std::ops::RangeInclusive<u16> = 1..=64;

/// What a translation is an answer to.
pub(crate) struct Asked<'a> {
    pub ctx: &'a Context,
    pub listener: Option<&'a Listener>,
    pub pool: Option<&'a Pool>,
    pub members: &'a [Member],
    pub shares: &'a [Share],
}

impl Asked<'_> {
    /// Whether connections may flow at all.
    fn open(&self) -> bool {
        self.listener.is_some_and(|l| l.enabled) && self.pool.is_some_and(|p| p.enabled)
    }

    /// Which members may get connections: enabled, with a port and a share.
    fn usable(&self) -> Vec<bool> {
        let mut usable = vec![false; self.members.len()];
        for share in self.shares {
            let index = share.member as usize;
            if let (Some(place), Some(member)) = (usable.get_mut(index), self.members.get(index)) {
                *place = member.enabled && member.port != 0;
            }
        }
        usable
    }
}

pub(crate) fn translation(
    of: &Translation,
    asked: &Asked<'_>,
    granted: &[String],
    limits: &Limits,
) -> Result<(), Bad> {
    let mut items = Items(limits.output_items);
    text::known("transport", &of.transport, &asked.ctx.capabilities)?;
    items.take(of.options.len())?;
    text::options(&of.options, granted)?;
    if let Some(reason) = &of.empty_reason {
        text::sentence("empty-reason", reason)?;
    }
    if !of.entries.is_empty() && !asked.open() {
        return Err("entries without an enabled listener and an enabled pool".into());
    }
    let usable = asked.usable();
    let mut places = BTreeSet::new();
    let mut served = BTreeSet::new();
    for each in &of.entries {
        items.take(1)?;
        let Some(vip) = asked.ctx.vips.get(each.vip as usize) else {
            return Err(format!("VIP {} is named, but there are {}", each.vip, asked.ctx.vips.len()));
        };
        // What else is on an address is somebody else's listener.
        if let Some(listener) = asked.listener.filter(|listener| listener.port != each.port) {
            return Err(format!("an entry with port {}, but the listener's is {}", each.port, listener.port));
        }
        if !places.insert((each.vip, each.port)) {
            return Err(format!("VIP {} port {} has two entries", each.vip, each.port));
        }
        entry(each, vip, asked, &usable, &mut items)?;
        if !each.backends.is_empty() {
            served.insert(each.vip);
        } else if of.empty_reason.is_none() {
            return Err(format!("VIP {} has an entry without backends and no empty-reason", each.vip));
        }
    }
    if of.empty_reason.is_none() && asked.open() {
        for (index, vip) in (0u32..).zip(&asked.ctx.vips) {
            // OVN has floating IPs for IPv4 only.
            let wants = !(vip.floating && vip.family == Family::Ipv6);
            let can = asked.members.iter().zip(&usable).any(|(m, usable)| *usable && m.family == vip.family);
            if wants && can && !served.contains(&index) {
                return Err(format!("VIP {index} has usable members, but no backends and no empty-reason"));
            }
        }
    }
    Ok(())
}

fn entry(of: &Entry, vip: &Vip, asked: &Asked<'_>, usable: &[bool], items: &mut Items) -> Result<(), Bad> {
    let mut seen = vec![false; asked.members.len()];
    for backend in &of.backends {
        let index = backend.member as usize;
        let (Some(member), Some(seen)) = (asked.members.get(index), seen.get_mut(index)) else {
            return Err(format!("member {index} is named, but there are {}", asked.members.len()));
        };
        if std::mem::replace(seen, true) {
            return Err(format!("member {index} stands twice behind VIP {}", of.vip));
        }
        if !COPIES.contains(&backend.copies) {
            return Err(format!("member {index} has {} copies", backend.copies));
        }
        if backend.port == 0 {
            return Err(format!("member {index} has port 0"));
        }
        if member.family != vip.family {
            return Err(format!("member {index} stands behind VIP {} of another IP version", of.vip));
        }
        if usable.get(index) != Some(&true) {
            return Err(format!(
                "member {index} is disabled or has no share, but stands behind VIP {}",
                of.vip
            ));
        }
        items.take(backend.copies.into())?;
    }
    Ok(())
}

pub(crate) fn distribution(
    of: &Distribution,
    ctx: &Context,
    members: usize,
    granted: &[String],
    limits: &Limits,
) -> Result<(), Bad> {
    let mut items = Items(limits.output_items);
    items.take(of.selection_fields.len())?;
    items.take(of.options.len())?;
    let mut fields = BTreeSet::new();
    for field in &of.selection_fields {
        text::known("selection-field", field, &ctx.capabilities)?;
        if !fields.insert(field) {
            return Err(format!("selection field {field} stands twice"));
        }
    }
    text::options(&of.options, granted)?;
    let mut seen = vec![false; members];
    for share in &of.shares {
        let index = share.member;
        match seen.get_mut(index as usize) {
            None => return Err(format!("member {index} has a share, but there are {members}")),
            Some(true) => return Err(format!("member {index} has two shares")),
            Some(seen) => *seen = true,
        }
        if !COPIES.contains(&share.copies) {
            return Err(format!("member {index} has a share of {} copies", share.copies));
        }
        items.take(share.copies.into())?;
    }
    Ok(())
}

pub(crate) fn health_check(of: &HealthCheck) -> Result<(), Bad> {
    let numbers = [
        ("interval", of.interval_s),
        ("timeout", of.timeout_s),
        ("success", of.success),
        ("failure", of.failure),
    ];
    match numbers.iter().find(|(_, n)| *n == 0) {
        None => Ok(()),
        Some((name, _)) => Err(format!("a health check's {name} is 0")),
    }
}
