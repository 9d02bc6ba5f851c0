//! A load balancer's rows as the reference driver would have made them: for giving it back.
//!
//! One row a protocol, none of our keys, every member of a pool once. What that driver has no way to say is listed; what
//! would send connections elsewhere than now is marked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_model::{Listener, LoadBalancer, Member, Pool, PoolId};

use crate::{
    adopted, centralised,
    compile::{Wanted, compile, managed_options},
    decode::objects,
    diff::{self, Settled},
    error::PlanError,
    fronts::{Front, fronts},
    keys,
    operations::{Operation, Plan},
    row::{Existing, HealthCheckRow, LoadBalancerRow},
    settle,
    surroundings::Surroundings,
    translation::{Backend, Distribution, Entry, Translation, Translations, Unit, units},
};

/// How to give a load balancer back, and what is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// What to do.
    pub plan: Plan,
    /// What the reference cannot have.
    pub losses: Vec<Loss>,
}

/// Something that the reference driver cannot have as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    /// What of: a word and an id.
    pub object: String,
    /// Stable kebab-case code.
    pub what: String,
    /// In words.
    pub detail: String,
    /// Connections would go elsewhere than now: to members that get none, or no longer to those that do.
    pub traffic: bool,
}

impl Release {
    /// Whether connections would go elsewhere than now.
    pub fn moves_traffic(&self) -> bool {
        self.losses.iter().any(|loss| loss.traffic)
    }
}

/// Plans it. `translations` is what the plugins say of the load balancer as it is.
///
/// # Errors
/// [`PlanError::Foreign`] where a row is not ours, [`PlanError::NotInSchema`], [`PlanError::VipTaken`].
pub fn release(
    lb: &LoadBalancer,
    translations: &Translations,
    existing: &[Existing],
    around: Surroundings<'_>,
) -> Result<Release, PlanError> {
    if let Some(other) = existing.iter().find(|existing| !around.ownership.owns_of(lb.id, &existing.row)) {
        let owner = other.row.external_ids.get(keys::OWNER);
        let owner =
            owner.map_or_else(|| "another driver".to_owned(), |owner| format!("deployment {owner:?}"));
        return Err(PlanError::Foreign { lb: lb.id, row: other.row.uuid, owner });
    }
    let as_it_is = compile(lb, translations, existing, around)?;
    let mut losses = Losses::default();
    losses.of(lb, existing);
    let plain = plain(lb);
    let fronts = fronts(lb, around.topology);
    let rows = Rows::of(existing, lb, around);
    let spoken = rows.translate(&plain, &fronts, translations);
    let mut wanted = compile(&plain, &spoken, existing, around)?;
    losses.moved(&as_it_is, &wanted);
    // The reference serves all members, whatever their ports say.
    wanted.iter_mut().for_each(|wanted| wanted.vips = wanted.complete_vips());
    for wanted in &mut wanted {
        wanted.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
        // Keys that only refuse: the reference has none, and would leave them behind.
        wanted.vips.retain(|_, backends| !backends.is_empty());
        if objects(&wanted.external_ids).is_empty() {
            wanted.protocol.clear();
        }
        for tokens in wanted.external_ids.iter_mut().filter(|(key, _)| key.starts_with(keys::POOL)) {
            subnets_stand(tokens.1);
        }
    }
    let settle = |uuid: Uuid, wanted: &Wanted, before: Option<&Existing>| {
        if let Some(row) =
            before.and_then(|before| adopted::untouched(wanted, &as_it_is, before, around.words))
        {
            return Settled { row, stays: true };
        }
        let mut row = settle::settle(plain.id, uuid, wanted, before.map(|before| &before.row), around);
        row.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
        row.protocol = row.protocol.filter(|protocol| !protocol.is_empty());
        wait_for_listeners(&plain, &fronts, &spoken, before.map(|before| &before.row), &mut row);
        Settled { row, stays: false }
    };
    let taken = |_: &Uuid| false;
    let mut plan = diff::plan(plain.id, wanted, existing, around, &settle, &taken);
    if let Some(row) = plan.operations.iter().find_map(|operation| match operation {
        Operation::Insert(row) => Some(row.uuid),
        _ => None,
    }) {
        return Err(PlanError::Unsound { lb: lb.id, why: format!("row {row} would be made for a release") });
    }
    plan.operations.extend(centralised::give_back(lb, around));
    Ok(Release { plan, losses: losses.0.into_iter().collect() })
}

/// The reference's token of a member has a place for its subnet, be it empty.
fn subnets_stand(tokens: &mut String) {
    let whole = |token: &str| match token.matches('_').count() {
        2 => format!("{token}_"),
        _ => token.to_owned(),
    };
    *tokens = tokens.split(',').map(whole).collect::<Vec<_>>().join(",");
}

/// The load balancer without what the reference has no word for.
fn plain(lb: &LoadBalancer) -> LoadBalancer {
    let mut plain = lb.clone();
    plain.flavor.clear();
    plain.listeners.values_mut().for_each(|listener| listener.allowed_cidrs.clear());
    for pool in plain.pools.values_mut() {
        pool.monitor.iter_mut().for_each(|monitor| monitor.admin_state_up = true);
        for member in pool.members.values_mut() {
            member.weight = Member::DEFAULT_WEIGHT;
            member.backup = false;
        }
    }
    plain
}

/// What the rows of each transport have in common from now on: what the row with most objects has.
struct Rows<'a> {
    by_transport: BTreeMap<&'a str, (BTreeSet<String>, BTreeMap<String, String>)>,
    of_objects: BTreeMap<&'a str, &'a str>,
    any: Option<(BTreeSet<String>, BTreeMap<String, String>)>,
}

impl<'a> Rows<'a> {
    fn of(existing: &'a [Existing], lb: &LoadBalancer, around: Surroundings<'_>) -> Self {
        let mut rows: Vec<&LoadBalancerRow> = existing.iter().map(|existing| &existing.row).collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(objects(&row.external_ids).len()), row.uuid));
        let mut by_transport = BTreeMap::new();
        let mut of_objects = BTreeMap::new();
        let mut any = None;
        for row in rows {
            let transport = row.protocol.as_deref().unwrap_or_default();
            let options = managed_options(row, around.words);
            let options: BTreeMap<_, _> = options.map(|(key, value)| (key.clone(), value.clone())).collect();
            let common = (fields(row, lb, around), options);
            any.get_or_insert_with(|| common.clone());
            by_transport.entry(transport).or_insert(common);
            of_objects.extend(objects(&row.external_ids).into_iter().map(|object| (object, transport)));
        }
        Self { by_transport, of_objects, any }
    }

    fn transport(&self, unit: &Unit<'_>) -> &'a str {
        let of = |key: String| self.of_objects.get(key.as_str()).copied();
        let listener = unit.listener.and_then(|one| of(format!("{}{}", keys::LISTENER, one.id)));
        let pool = || unit.pool.and_then(|one| of(format!("{}{}", keys::POOL, one.id)));
        let first = || self.by_transport.keys().next().copied();
        listener.or_else(pool).or_else(first).unwrap_or_default()
    }

    /// What a plugin would say that does as the reference does.
    fn translate(&self, lb: &LoadBalancer, fronts: &[Front], now: &Translations) -> Translations {
        let mut spoken = Translations { checks: now.checks.clone(), ..Translations::default() };
        let any = self.any.clone().unwrap_or_default().0;
        let distribution =
            |selection_fields| Ok(Distribution { selection_fields, ..Distribution::default() });
        spoken.distributions.insert(None, distribution(any));
        for unit in units(lb) {
            let row = self.transport(&unit);
            let (fields, options) = self.by_transport.get(row).cloned().unwrap_or_default();
            if let Some(pool) = unit.pool {
                spoken.distributions.insert(Some(pool.id), distribution(fields));
            }
            let entries = unit.listener.zip(unit.pool);
            let entries =
                entries.map(|(listener, pool)| entries_of(listener, pool, fronts)).unwrap_or_default();
            // A load balancer without listeners may have no protocol; what is none the schema does not take.
            let by_plugin = now.units.get(&unit.key).and_then(|now| now.as_ref().ok());
            let by_plugin = by_plugin.map(|now| now.transport.clone()).filter(|_| row.is_empty());
            let transport = by_plugin.unwrap_or_else(|| row.to_owned());
            let translation = Translation { transport, entries, options, ..Translation::default() };
            spoken.units.insert(unit.key, Ok(translation));
        }
        spoken
    }
}

/// The fields that the reference writes for the algorithm of a row's pools: those for IPv4.
fn fields(row: &LoadBalancerRow, lb: &LoadBalancer, around: Surroundings<'_>) -> BTreeSet<String> {
    let pools = objects(&row.external_ids);
    let pools = pools.into_iter().filter_map(|key| key.strip_prefix(keys::POOL)?.parse::<PoolId>().ok());
    let algorithm = pools.filter_map(|pool| lb.pools.get(&pool)).map(|pool| &pool.algorithm).next();
    let known = algorithm.and_then(|word| around.words.algorithms.iter().find(|(known, _)| known == word));
    known.map_or_else(|| row.selection_fields.clone(), |(_, fields)| fields.clone())
}

fn entries_of(listener: &Listener, pool: &Pool, fronts: &[Front]) -> Vec<Entry> {
    if !listener.admin_state_up || !pool.admin_state_up {
        return Vec::new();
    }
    let entry = |(vip, front): (usize, &Front)| {
        let members = pool.members.values().enumerate();
        let usable =
            members.filter(|(_, one)| one.admin_state_up && one.address.is_ipv4() == front.address.is_ipv4());
        let backend = |(at, one): (usize, &Member)| Backend { member: at as u32, port: one.port, copies: 1 };
        Entry { vip: vip as u32, port: listener.port, backends: usable.map(backend).collect() }
    };
    fronts.iter().enumerate().map(entry).collect()
}

/// The reference makes the health checks of a pool that has no listener yet, and gives them an address later.
fn wait_for_listeners(
    lb: &LoadBalancer,
    fronts: &[Front],
    spoken: &Translations,
    before: Option<&LoadBalancerRow>,
    row: &mut LoadBalancerRow,
) {
    let pools = objects(&row.external_ids);
    let pools: Vec<PoolId> =
        pools.into_iter().filter_map(|key| key.strip_prefix(keys::POOL)?.parse().ok()).collect();
    for pool in pools.into_iter().filter_map(|pool| lb.pools.get(&pool)) {
        let Some(monitor) = &pool.monitor else { continue };
        let id = monitor.id.to_string();
        let has = |check: &&HealthCheckRow| check.external_ids.get(keys::CHECK_MONITOR) == Some(&id);
        if row.health_checks.iter().any(|check| has(&check)) {
            continue;
        }
        let kept: Vec<_> =
            before.iter().flat_map(|row| row.health_checks.iter().filter(has)).cloned().collect();
        if !kept.is_empty() {
            row.health_checks.extend(kept);
            continue;
        }
        let Some(Ok(numbers)) = spoken.checks.get(&pool.id) else { continue };
        row.health_checks.extend(fronts.iter().map(|front| HealthCheckRow {
            vip: String::new(),
            uuid: Uuid::new_v5(&row.uuid, format!("{id} {}", front.address).as_bytes()),
            options: numbers.options(),
            external_ids: crate::monitors::external_ids(monitor, pool, &front.address),
        }));
    }
}

#[derive(Default)]
struct Losses(BTreeSet<Loss>);

impl Losses {
    fn add(&mut self, object: String, what: &'static str, detail: impl Into<String>, traffic: bool) {
        self.0.insert(Loss { object, what: what.to_owned(), detail: detail.into(), traffic });
    }

    /// What stands in the load balancer itself.
    fn of(&mut self, lb: &LoadBalancer, existing: &[Existing]) {
        let named = existing.iter().flat_map(|existing| {
            let names = existing.row.external_ids.get(keys::OPTIONS).map_or("", String::as_str).split(',');
            names.filter_map(|name| existing.row.options.get_key_value(name))
        });
        let options: BTreeMap<_, _> = lb.flavor.iter().chain(named).collect();
        if !options.is_empty() {
            let options: Vec<_> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let detail =
                format!("the options {} stay in the rows, and nobody looks after them", options.join(", "));
            self.add(format!("loadbalancer {}", lb.id), "flavor", detail, false);
        }
        for listener in lb.listeners.values() {
            self.protocol(format!("listener {}", listener.id), &listener.protocol, existing, keys::LISTENER);
            if !listener.allowed_cidrs.is_empty() {
                let detail = "the reference lets every client in";
                self.add(format!("listener {}", listener.id), "allowed-cidrs", detail, true);
            }
        }
        for pool in lb.pools.values() {
            self.protocol(format!("pool {}", pool.id), &pool.protocol, existing, keys::POOL);
            if let Some(monitor) = pool.monitor.as_ref().filter(|monitor| !monitor.admin_state_up) {
                let detail = "it is administratively down, and the reference probes all the same";
                self.add(format!("healthmonitor {}", monitor.id), "monitor-down", detail, false);
            }
            for member in pool.members.values() {
                let object = format!("member {}", member.id);
                match member.weight {
                    Member::DEFAULT_WEIGHT => {}
                    0 => {
                        self.add(object.clone(), "weight", "it drains, and would get connections again", true)
                    }
                    weight => self.add(
                        object.clone(),
                        "weight",
                        format!("it weighs {weight}, and would weigh 1"),
                        false,
                    ),
                }
                if member.backup {
                    self.add(
                        object.clone(),
                        "backup",
                        "it is a backup, and would get connections like the others",
                        true,
                    );
                }
                if member.subnet_id.is_none() {
                    self.add(
                        object,
                        "subnet",
                        "its subnet is not known, which the reference wants for each",
                        false,
                    );
                }
            }
        }
        let mut transports: BTreeMap<_, Vec<&LoadBalancerRow>> = BTreeMap::new();
        for Existing { row, .. } in existing {
            transports.entry(row.protocol.as_deref().unwrap_or_default()).or_default().push(row);
        }
        for (transport, rows) in transports.into_iter().filter(|(_, rows)| rows.len() > 1) {
            let detail = format!(
                "{} rows of protocol {transport} become one: their pools' connections are all spread as those of most",
                rows.len()
            );
            self.add(format!("loadbalancer {}", lb.id), "split", detail, false);
        }
    }

    /// Octavia's word that is not the row's: the reference would look for the object in a row of that protocol.
    fn protocol(&mut self, object: String, word: &str, existing: &[Existing], prefix: &str) {
        let id = object.rsplit(' ').next().unwrap_or_default();
        let key = format!("{prefix}{id}");
        let row = existing.iter().find(|existing| objects(&existing.row.external_ids).contains(key.as_str()));
        let transport = row.and_then(|existing| existing.row.protocol.as_deref()).unwrap_or_default();
        if transport.to_uppercase() != word {
            let detail = format!(
                "its protocol {word} is none of the reference's: it serves, but can only go as a whole"
            );
            self.add(object, "protocol", detail, false);
        }
    }

    /// Entries that no word of the above explains: a plugin's doing.
    fn moved(&mut self, now: &[Wanted], then: &[Wanted]) {
        let backends = |wanted: &[Wanted]| -> BTreeMap<String, BTreeSet<String>> {
            let entries = wanted.iter().flat_map(Wanted::complete_vips);
            let set = |to: String| to.split(',').map(str::to_owned).collect();
            entries.map(|(vip, to)| (vip, set(to))).collect()
        };
        if self.0.iter().any(|loss| loss.traffic) {
            return;
        }
        let (now, then) = (backends(now), backends(then));
        for vip in now.keys().chain(then.keys()).collect::<BTreeSet<_>>() {
            if now.get(vip) != then.get(vip) {
                let detail = "its members would be others: a plugin has chosen them that is not built in, or they wait";
                self.add(format!("vip {vip}"), "backends", detail, true);
            }
        }
    }
}
