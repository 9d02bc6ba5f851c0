//! Options that no plugin can honour, and findings about options without effect.

use std::collections::BTreeSet;

use weir_model::{Extra, LoadBalancer, Member, ObjectRef};
use weir_octavia::Refusal;
use weir_plan::{Finding, keys};

use crate::config::{OptionPolicy, UnsupportedOptions};

/// Characters of a user's value that a message shows.
const SHOWN: usize = 64;

/// Options that had to be left out of the questions to plugins: the object and the option's name.
pub type WithoutEffect = BTreeSet<(ObjectRef, String)>;

/// A member's options that OVN has no place for; no plugin could honour them.
const MEMBER: [&str; 3] = ["monitor_address", "monitor_port", "vnic_type"];

/// Refuses what no plugin is asked about, where it is new and the operator has not chosen to accept it.
///
/// # Errors
/// A [`Refusal`] that names object, option and value.
pub fn judge(
    wanted: &LoadBalancer,
    before: Option<&LoadBalancer>,
    policy: &UnsupportedOptions,
) -> Result<(), Refusal> {
    let refused = |field: &str| policy.of(field) == Some(OptionPolicy::Refuse);
    let key = "vip_qos_policy_id";
    if let Some(value) = wanted.extra.get(key).filter(|_| refused("loadbalancer.vip_qos_policy_id"))
        && before.and_then(|before| before.extra.get(key)) != Some(value)
    {
        let text = format!(
            "loadbalancer.{key}: OVN limits no bandwidth of a VIP, so it cannot honour policy {}; leave it unset",
            shown(value)
        );
        return Err(hinted("unsupported-vip-qos-policy-id", text, key));
    }
    if !refused("member.vnic_type") {
        return Ok(());
    }
    for pool in wanted.pools.values() {
        let before = before.and_then(|before| before.pools.get(&pool.id));
        // Octavia lets nobody change it.
        let new = |member: &&Member| before.is_none_or(|before| !before.members.contains_key(&member.id));
        for member in pool.members.values().filter(new) {
            let Some(value) = member.extra.get("vnic_type") else { continue };
            let text = format!(
                "member {} ({}): member.vnic_type: OVN reaches a member by its address whatever its port is, so it cannot \
                 honour a vnic_type of {}; leave it unset",
                member.id,
                keys::socket(&member.address, member.port),
                shown(value)
            );
            return Err(hinted("unsupported-vnic-type", text, "vnic_type"));
        }
    }
    Ok(())
}

fn hinted(code: &str, text: String, option: &str) -> Refusal {
    let operator = with_hint(&text, option);
    Refusal::unsupported(code, text).operator(operator)
}

/// What a plugin refuses, with how the operator can have it accepted. `field` is `object.attribute`.
pub fn hint(text: String, field: &str) -> String {
    match field.split_once('.') {
        Some((_, option)) if UnsupportedOptions::default().of(field).is_some() => with_hint(&text, option),
        _ => text,
    }
}

fn with_hint(text: &str, option: &str) -> String {
    let key = if option.starts_with("timeout_") { "timeouts" } else { option };
    format!("{text}; [unsupported_options] {key} = \"warn\" in weir.toml accepts it without effect")
}

/// A finding for each option of a load balancer that has no effect.
pub fn findings(lb: &LoadBalancer, left_out: &WithoutEffect) -> Vec<Finding> {
    let finding = |object: ObjectRef, option: &str, value: Option<&String>| {
        let value = value.map(|value| shown(value)).unwrap_or_default();
        let detail = format!("{option} = {value} has no effect: OVN cannot honour it");
        Finding { code: code(option).into(), object, detail }
    };
    let of = |object: ObjectRef, extra: &Extra, options: &[&str]| {
        let given = options.iter().filter_map(|option| Some((*option, extra.get(*option)?)));
        given.map(|(option, value)| finding(object, option, Some(value))).collect::<Vec<_>>()
    };
    let mut found = of(ObjectRef::LoadBalancer(lb.id), &lb.extra, &["vip_qos_policy_id"]);
    for member in
        lb.pools.values().flat_map(|pool| pool.members.values()).filter(|member| !member.extra.is_empty())
    {
        found.extend(of(ObjectRef::Member(member.id), &member.extra, &MEMBER));
    }
    for (object, option) in left_out {
        if let ObjectRef::Listener(id) = object {
            let value = lb.listeners.get(id).and_then(|listener| listener.extra.get(option));
            found.push(finding(*object, option, value));
        }
    }
    found
}

/// The code of a refusal of an option, and of a finding that it has no effect.
fn code(option: &str) -> String {
    format!("unsupported-{}", option.replace('_', "-"))
}

fn shown(value: &str) -> String {
    value.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}
