//! What a call changes must be to the plugins' liking.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_model::{HealthMonitorId, LoadBalancer, MemberId, Pool};
use weir_octavia::Refusal;
use weir_plan::{
    Capabilities, Existing, Sourceless, Unit, UnitKey, can_be_kept, topology::source_port_name, units,
};

use crate::{
    fault,
    plugins::{self, Answers},
};

/// The code of a refusal: nobody could probe a member that is behind a monitor.
pub const NO_SOURCE: &str = "no-probe-source";

/// What must be to the plugins' liking.
#[derive(Clone, Copy)]
pub enum Scrutiny<'a> {
    /// Nothing: what a plugin refuses stays as it is.
    Nothing,
    /// Nothing, of a change that was accepted or must be.
    Accepted,
    /// All that differs from this.
    ChangesSince(Option<&'a LoadBalancer>),
}

/// What the call changes must be to the plugins' liking; what it does not touch may be out of order and stays as it is.
pub fn judge_changes(
    wanted: &LoadBalancer,
    before: Option<&LoadBalancer>,
    answers: &Answers,
    existing: &[Existing],
) -> Result<(), Refusal> {
    for unit in units(wanted) {
        if before.is_some_and(|before| same_question(&unit, wanted, before)) {
            continue;
        }
        let problem = plugins::problem_of(&answers.translations, &unit);
        if let Some(problem) = problem.filter(|problem| !(problem.keep && can_be_kept(&unit, existing))) {
            return Err(fault::of_problem(&problem));
        }
    }
    for pool in wanted.pools.values() {
        judge_monitor(pool, before, answers)?;
        judge_members(pool, before, answers, existing)?;
    }
    Ok(())
}

fn same_question(unit: &Unit<'_>, wanted: &LoadBalancer, before: &LoadBalancer) -> bool {
    let same_vips = wanted.vip == before.vip && wanted.additional_vips == before.additional_vips;
    let same_pool = unit.pool.is_none_or(|pool| before.pools.get(&pool.id) == Some(pool));
    let same_listener = match unit.key {
        UnitKey::Listener(id) => unit.listener == before.listeners.get(&id),
        UnitKey::Pool(_) => true,
        UnitKey::Empty => before.listeners.is_empty() && before.pools.is_empty(),
    };
    same_vips && same_pool && same_listener
}

fn judge_monitor(pool: &Pool, before: Option<&LoadBalancer>, answers: &Answers) -> Result<(), Refusal> {
    let before = before.and_then(|lb| lb.pools.get(&pool.id)).and_then(|pool| pool.monitor.as_ref());
    match &pool.monitor {
        Some(monitor) if before != Some(monitor) => match answers.translations.checks.get(&pool.id) {
            Some(Err(problem)) => Err(fault::of_problem(problem)),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether a pool has members that are not as before.
pub fn has_new_members(pool: &Pool, before: Option<&LoadBalancer>) -> bool {
    pool.members.keys().any(|member| is_new(pool, member, before))
}

fn is_new(pool: &Pool, member: &MemberId, before: Option<&LoadBalancer>) -> bool {
    let old = before.and_then(|lb| lb.pools.get(&pool.id));
    old.and_then(|old| old.members.get(member)) != pool.members.get(member)
}

/// Every bad member of the call at once.
fn judge_members(
    pool: &Pool,
    before: Option<&LoadBalancer>,
    answers: &Answers,
    existing: &[Existing],
) -> Result<(), Refusal> {
    let is_new = |member: &MemberId| is_new(pool, member, before);
    // A plugin that failed has judged nobody: that its failure stands at an old member must not let new ones through.
    let counts = |problem: &&plugins::MemberProblem| !problem.problem.refused || is_new(&problem.member);
    let bad = answers.members.get(&pool.id).into_iter().flatten().filter(counts);
    let unit = Unit { key: UnitKey::Pool(pool.id), listener: None, pool: Some(pool) };
    let kept = can_be_kept(&unit, existing);
    let mut bad = bad.filter(|problem| !(problem.problem.keep && kept));
    let Some(first) = bad.next() else { return Ok(()) };
    let mut refusal = fault::of_problem(&first.problem);
    if !first.problem.refused {
        return Err(refusal);
    }
    let word = |problem: &plugins::MemberProblem| format!("member {} ({}): ", problem.member, problem.socket);
    refusal.user.insert_str(0, &word(first));
    refusal.operator.insert_str(0, &word(first));
    for problem in bad.take(9) {
        refusal.user.push_str(&format!("; {}{}", word(problem), problem.problem.user));
    }
    Err(refusal)
}

/// Where nobody makes source ports: whom a call wants probed from now on, there must be an address to probe from. Members
/// that were probed before may lack it: that is nothing the call is to blame for.
pub fn judge_sources(
    before: Option<&LoadBalancer>,
    wanted: Option<&LoadBalancer>,
    lacking: &[Sourceless],
) -> Result<(), Refusal> {
    let probed_before = before.map(probed).unwrap_or_default();
    let new = wanted.map(probed).unwrap_or_default();
    let new: BTreeSet<_> = new.difference(&probed_before).map(|(_, member)| *member).collect();
    let members = wanted.into_iter().flat_map(|lb| lb.pools.values()).flat_map(|pool| pool.members.values());
    for member in members.filter(|member| new.contains(&member.id)) {
        let Some(subnet) = member.subnet_id else { continue };
        if lacking.iter().any(|lacking| lacking.subnet == subnet) {
            let name = source_port_name(subnet);
            let text = format!(
                "member {} ({}) cannot be probed by a health monitor: subnet {subnet} has no port {name} to probe from",
                member.id, member.address
            );
            return Err(Refusal::unsupported(NO_SOURCE, text.clone()).operator(format!(
                "{text}; configure [neutron], and such ports are made as they are needed, or make one named {name}, \
                 device owner ovn-lb-hm:distributed, in that subnet"
            )));
        }
    }
    Ok(())
}

/// The code of a refusal: the connected OVN has no option of a flavor's key.
pub const FLAVOR_NEEDS_OVN: &str = "flavor-needs-newer-ovn";

/// A flavor's keys are options of OVN; those that came later than the connected one would silently do nothing.
pub fn judge_flavor(flavor: &BTreeMap<String, String>, capabilities: &Capabilities) -> Result<(), Refusal> {
    let missing = flavor.keys().find_map(|key| capabilities.missing_options.get_key_value(key.as_str()));
    let Some((key, release)) = missing else { return Ok(()) };
    let text = format!(
        "flavor key {key} needs OVN {release} or newer, and the connected OVN is older; leave the key out"
    );
    Err(Refusal::unsupported(FLAVOR_NEEDS_OVN, text))
}

/// The code of a refusal: a member behind a monitor has no subnet.
pub const SUBNET_REQUIRED: &str = "subnet-required";

/// A member without subnet cannot be found in the network, so a health monitor would take it out of traffic for ever. The call that
/// puts one behind a monitor is refused, be it the member's or the monitor's.
pub fn judge_subnets(before: Option<&LoadBalancer>, wanted: Option<&LoadBalancer>) -> Result<(), Refusal> {
    let before = before.map(without_subnet).unwrap_or_default();
    let Some((_, member, address)) =
        wanted.map(without_subnet).unwrap_or_default().difference(&before).next().copied()
    else {
        return Ok(());
    };
    let text = format!(
        "member {member} ({address}) names no subnet_id, and its address is in no subnet of the load balancer's VIPs: a health \
         monitor can only check members whose subnet is known. Name the subnet of the member (subnet_id)"
    );
    Err(Refusal::unsupported(SUBNET_REQUIRED, text))
}

/// Members without subnet, each with the monitor of its pool.
fn without_subnet(lb: &LoadBalancer) -> BTreeSet<(HealthMonitorId, MemberId, IpAddr)> {
    let pools = lb.pools.values().filter_map(|pool| Some((pool.monitor.as_ref()?.id, pool)));
    let members = pools.flat_map(|(monitor, pool)| {
        let without = pool.members.values().filter(|member| member.subnet_id.is_none());
        without.map(move |member| (monitor, member.id, member.address))
    });
    members.collect()
}

/// Who is probed, by which monitor.
fn probed(lb: &LoadBalancer) -> BTreeSet<(HealthMonitorId, MemberId)> {
    let members =
        lb.pools.values().filter_map(|pool| Some((pool.probing()?, pool))).flat_map(|(monitor, pool)| {
            let up = pool.members.values().filter(|member| member.admin_state_up);
            up.map(move |member| (monitor.id, member.id))
        });
    members.collect()
}
