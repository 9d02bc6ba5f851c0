//! A load balancer to the rows it should have.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use weir_model::{ListenerId, LoadBalancer, Pool, PoolId};

use crate::{
    acls::{self, Acl},
    attach::{self, Place},
    error::PlanError,
    external_ids,
    fronts::{Front, fronts},
    idle,
    keep::kept,
    keys,
    makers::{Makers, makers},
    monitors::{self, Checks, Probed},
    reachability::{self, Unanswered},
    row::{Existing, LoadBalancerRow},
    surroundings::Surroundings,
    translation::{Problem, Translation, Translations, Unit, UnitKey, units},
    unreachable::{self, Backend, EntryState},
    words::Words,
};

/// A row as it should be; which existing row it becomes is [`crate::diff()`]'s choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// OVN's transport.
    pub protocol: String,
    /// The VIP entries.
    pub vips: BTreeMap<String, String>,
    /// What is hashed.
    pub selection_fields: BTreeSet<String>,
    /// Options that the deployment's defaults, the flavor and plugins set, and what the VIPs need to be reachable.
    pub options: BTreeMap<String, String>,
    /// Those of them that are the deployment's defaults.
    pub defaults: BTreeSet<String>,
    /// VIPs that serve, and that nothing answers for on their network.
    pub unanswered: BTreeMap<IpAddr, Unanswered>,
    /// Keys of the table in [`keys`], all but `weir:seen` and `weir:own`.
    pub external_ids: BTreeMap<String, String>,
    /// Entries of `vips` that lack members out of reach, with all their backends; see [`crate::unreachable`].
    pub complete: BTreeMap<String, String>,
    /// Where it belongs.
    pub place: Place,
    /// How members are probed.
    pub checks: Checks,
    /// What switches drop of what comes for its listeners.
    pub acls: BTreeSet<Acl>,
    /// Listeners and pools whose plugin failed or refused: their part of the row is as it was.
    pub kept: Vec<(UnitKey, Problem)>,
}

/// What makes two objects share a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub transport: String,
    pub selection_fields: BTreeSet<String>,
    pub options: BTreeMap<String, String>,
}

#[derive(Default)]
pub(crate) struct Content {
    pub listeners: BTreeSet<ListenerId>,
    pub pools: BTreeSet<PoolId>,
    vips: BTreeMap<String, (String, Option<ListenerId>)>,
    /// Who the backends of entries are, where a plugin has named them.
    backends: BTreeMap<String, Vec<Backend>>,
    kept: Vec<(UnitKey, Problem)>,
    pub makers: Makers,
}

/// Compiles the rows of a load balancer, in a fixed order.
///
/// A unit whose plugin refused or failed keeps what the existing rows have for it: a plugin can refuse a user's call, it
/// never harms what is live. The caller decides beforehand whether such a unit may be part of a call at all.
///
/// # Errors
/// [`PlanError::Translation`] where there is nothing to keep, [`PlanError::NotInSchema`], [`PlanError::VipTaken`].
pub fn compile(
    lb: &LoadBalancer,
    translations: &Translations,
    existing: &[Existing],
    around: Surroundings<'_>,
) -> Result<Vec<Wanted>, PlanError> {
    let fronts = fronts(lb, around.topology);
    let mut groups = group(lb, &fronts, translations, existing, around.words)?;
    for (group, content) in &mut groups {
        for (vip, backends, listener) in idle::entries(lb, &content.listeners, &group.options, &fronts) {
            content.vips.entry(vip).or_insert((backends, Some(listener)));
        }
    }
    refuse_taken(lb, &groups)?;
    let mut common = keys::common(lb, &fronts, &around.ownership.deployment);
    if groups.len() > 1 {
        common.insert(keys::ROWS.to_owned(), groups.len().to_string());
    }
    let mut wanted = Vec::with_capacity(groups.len());
    for (mut group, content) in groups {
        allowed("protocol", &group.transport, &around.capabilities.protocols)?;
        let known_fields = &around.capabilities.selection_fields;
        if !known_fields.is_empty() {
            group
                .selection_fields
                .iter()
                .try_for_each(|field| allowed("selection_fields", field, known_fields))?;
        }
        let members =
            content.pools.iter().filter_map(|id| lb.pools.get(id)).flat_map(|pool| pool.members.values());
        let place = attach::place(lb, members, around.topology);
        let pools = content.pools.iter().filter_map(|id| lb.pools.get(id));
        let probed = content.probed(lb, &fronts);
        let checks = monitors::checks(
            lb,
            pools,
            &probed,
            &translations.checks,
            existing,
            (around.topology, around.health),
        );
        let acls = acls::acls(lb, content.listeners.iter(), &group.transport, &fronts, &place, around);
        let mut external_ids = common.clone();
        external_ids::of_objects(lb, &group, &content, around, &mut external_ids);
        external_ids::of_place(&place, &mut external_ids);
        let unanswered = reachability::unanswered(lb, &place, around.topology);
        group.options.extend(reachability::option(&unanswered, &group.options, existing, around));
        let unanswered = match content.vips.is_empty() {
            true => BTreeMap::new(),
            false => reachability::still_unanswered(unanswered, &group.options, existing, around),
        };
        let default = |(key, value): &(&String, &String)| around.words.defaults.get(*key) == Some(value);
        let defaults = group.options.iter().filter(default).map(|(key, _)| key.clone()).collect();
        let named = group.options.keys().filter(|key| !around.words.built_in_options.contains(*key));
        let named: Vec<_> = named.map(String::as_str).collect();
        if !named.is_empty() {
            external_ids.insert(keys::OPTIONS.to_owned(), named.join(","));
        }
        let mut vips = content.vips.into_iter().map(|(vip, (backends, _))| (vip, backends)).collect();
        let complete = leave_out(&mut vips, &content.backends, &group.transport, &checks, existing, around);
        wanted.push(Wanted {
            protocol: group.transport,
            vips,
            complete,
            selection_fields: group.selection_fields,
            options: group.options,
            defaults,
            unanswered,
            external_ids,
            place,
            checks,
            acls,
            kept: content.kept,
        });
    }
    Ok(wanted)
}

/// Takes backends out of entries that cannot be reached; gives the entries as they were.
fn leave_out(
    vips: &mut BTreeMap<String, String>,
    backends: &BTreeMap<String, Vec<Backend>>,
    transport: &str,
    checks: &Checks,
    existing: &[Existing],
    around: Surroundings<'_>,
) -> BTreeMap<String, String> {
    let mut complete = BTreeMap::new();
    for (vip, backends) in backends {
        let entry = EntryState { vip, transport, checked: checks.rows.contains_key(vip) };
        let reachable = unreachable::reachable(backends, &entry, around.health, existing);
        if let (Some(reachable), Some(written)) = (reachable, vips.get_mut(vip)) {
            complete.insert(vip.clone(), std::mem::replace(written, reachable));
        }
    }
    complete
}

impl Wanted {
    /// The entries with all their members, as a driver writes them that does not know which ones are out of reach.
    pub(crate) fn complete_vips(&self) -> BTreeMap<String, String> {
        let mut vips = self.vips.clone();
        vips.extend(self.complete.clone());
        vips
    }
}

fn allowed(column: &'static str, value: &str, known: &BTreeSet<String>) -> Result<(), PlanError> {
    if known.contains(value) {
        return Ok(());
    }
    Err(PlanError::NotInSchema { column, value: value.to_owned() })
}

/// Two listeners on one port, or on one address and port, over one transport, in whatever rows.
fn refuse_taken(lb: &LoadBalancer, groups: &BTreeMap<Group, Content>) -> Result<(), PlanError> {
    let mut taken: BTreeMap<(&str, String), ListenerId> = BTreeMap::new();
    for (group, content) in groups {
        // Also while they have no pool, and so no VIP entry yet.
        let ports = content
            .listeners
            .iter()
            .filter_map(|id| lb.listeners.get(id))
            .map(|l| (l.id, format!("port {}", l.port)));
        let vips = content.vips.iter().filter_map(|(vip, (_, listener))| Some(((*listener)?, vip.clone())));
        for (listener, vip) in ports.chain(vips) {
            if let Some(other) = taken.insert((&group.transport, vip.clone()), listener) {
                return Err(PlanError::VipTaken { listener, other, vip, transport: group.transport.clone() });
            }
        }
    }
    Ok(())
}

fn group(
    lb: &LoadBalancer,
    fronts: &[Front],
    translations: &Translations,
    existing: &[Existing],
    words: &Words,
) -> Result<BTreeMap<Group, Content>, PlanError> {
    let mut groups: BTreeMap<Group, Content> = BTreeMap::new();
    let mut without_pool = Vec::new();
    let makers = makers(existing);
    for unit in units(lb) {
        match translated(lb, &unit, translations, words) {
            // A listener without pool has no opinion on hashing: it joins a row of its transport.
            Ok((_, translation)) if unit.pool.is_none() => without_pool.push((unit, translation)),
            Ok((group, translation)) => {
                let content = groups.entry(group.clone()).or_default();
                content.distributed(&unit, translations);
                content.add(lb, fronts, &unit, translation, &group.transport)?;
            }
            Err(problem) => {
                let (group, vips) = kept(lb, &unit, existing, words)
                    .ok_or_else(|| PlanError::Translation(problem.clone()))?;
                let content = groups.entry(group).or_default();
                content.name(&unit);
                content.made_as_before(&unit, &makers);
                content
                    .vips
                    .extend(vips.into_iter().map(|(vip, to)| (vip, (to, unit.listener.map(|l| l.id)))));
                content.kept.push((unit.key, problem.clone()));
            }
        }
    }
    for (unit, translation) in without_pool {
        // The row that hashes as it would alone, else any of its transport, else one of its own.
        let alone = own_group(lb, None, translation, translations, words)
            .map_err(|p| PlanError::Translation(p.clone()))?;
        let same = groups.keys().find(|group| group.transport == alone.transport);
        let group = if groups.contains_key(&alone) { alone } else { same.cloned().unwrap_or(alone) };
        let content = groups.entry(group.clone()).or_default();
        content.add(lb, fronts, &unit, translation, &group.transport)?;
    }
    Ok(groups)
}

/// The group and translation of a unit, or the problem its plugins have.
fn translated<'t>(
    lb: &LoadBalancer,
    unit: &Unit<'_>,
    translations: &'t Translations,
    words: &Words,
) -> Result<(Group, &'t Translation), &'t Problem> {
    static MISSING: std::sync::LazyLock<Problem> = std::sync::LazyLock::new(|| Problem {
        code: "not-translated".to_owned(),
        user: "the load balancer could not be translated".to_owned(),
        operator: "no plugin was asked about a listener or pool".to_owned(),
        refused: false,
        keep: false,
    });
    let translation = translations.units.get(&unit.key).map_or(Err(&*MISSING), Result::as_ref)?;
    Ok((own_group(lb, unit.pool, translation, translations, words)?, translation))
}

/// The deployment's defaults hold where the flavor does not say otherwise, and the flavor where no plugin does.
fn own_group<'t>(
    lb: &LoadBalancer,
    pool: Option<&Pool>,
    translation: &Translation,
    translations: &'t Translations,
    words: &Words,
) -> Result<Group, &'t Problem> {
    let distribution = translations.distributions.get(&pool.map(|pool| pool.id));
    let mut options = words.defaults.clone();
    options.extend(lb.flavor.clone());
    let selection_fields = match distribution {
        Some(Ok(distribution)) => {
            options.extend(distribution.options.clone());
            distribution.selection_fields.clone()
        }
        Some(Err(problem)) => return Err(problem),
        None => Default::default(),
    };
    options.extend(translation.options.clone());
    Ok(Group { transport: translation.transport.clone(), selection_fields, options })
}

impl Content {
    fn name(&mut self, unit: &Unit<'_>) {
        self.listeners.extend(unit.listener.map(|listener| listener.id));
        self.pools.extend(unit.pool.map(|pool| pool.id));
    }

    /// A unit that is as it was was made by whoever made it.
    fn made_as_before(&mut self, unit: &Unit<'_>, before: &Makers) {
        let same = |plugin: &String| plugin.clone();
        for key in keys_of(unit) {
            self.makers.units.extend(before.units.get(&key).map(|plugin| (key, same(plugin))));
        }
        let pool = unit.pool.map(|pool| pool.id);
        let distributor = pool.and_then(|pool| Some((pool, same(before.pools.get(&pool)?))));
        self.makers.pools.extend(distributor);
    }

    fn distributed(&mut self, unit: &Unit<'_>, translations: &Translations) {
        let Some(pool) = unit.pool.map(|pool| pool.id) else { return };
        if let Some(Ok(distribution)) = translations.distributions.get(&Some(pool)) {
            self.makers.pools.extend(distribution.plugin.clone().map(|plugin| (pool, plugin)));
        }
    }

    /// The listeners' VIP entries, also while there is nobody behind them.
    fn probed<'a>(&self, lb: &'a LoadBalancer, fronts: &[Front]) -> Vec<Probed<'a>> {
        let listeners = self.listeners.iter().filter_map(|id| lb.listeners.get(id));
        let served =
            listeners.filter_map(|listener| Some((listener.port, lb.pools.get(&listener.default_pool_id?)?)));
        let at = |(port, pool): (u16, &'a Pool)| {
            fronts.iter().map(move |front| {
                let vip = keys::socket(&front.address, port);
                let backends =
                    self.vips.get(&vip).map(|(backends, _)| backends.split(',')).into_iter().flatten();
                let behind =
                    backends.filter_map(|backend| backend.parse().ok().map(|at: SocketAddr| at.ip()));
                Probed { behind: behind.collect(), vip, pool }
            })
        };
        served.flat_map(at).collect()
    }

    fn add(
        &mut self,
        lb: &LoadBalancer,
        fronts: &[Front],
        unit: &Unit<'_>,
        translation: &Translation,
        transport: &str,
    ) -> Result<(), PlanError> {
        self.name(unit);
        if let Some(plugin) = &translation.plugin {
            self.makers.units.extend(keys_of(unit).map(|key| (key, plugin.clone())));
        }
        if !lb.admin_state_up {
            return Ok(());
        }
        let members: Vec<_> = unit.pool.map(|pool| pool.members.values().collect()).unwrap_or_default();
        for entry in &translation.entries {
            let Some(vip) = fronts.get(entry.vip as usize) else { continue };
            let mut backends = Vec::new();
            for backend in &entry.backends {
                let Some(member) = members.get(backend.member as usize) else { continue };
                let backend_of =
                    Backend { socket: keys::socket(&member.address, backend.port), member: member.id };
                backends.extend(std::iter::repeat_n(backend_of, usize::from(backend.copies)));
            }
            if backends.is_empty() {
                continue;
            }
            let listener = unit.listener.map(|listener| listener.id);
            let vip = keys::socket(&vip.address, entry.port);
            let list: Vec<_> = backends.iter().map(|backend| backend.socket.as_str()).collect();
            let list = list.join(",");
            self.backends.insert(vip.clone(), backends);
            if let Some((_, Some(other))) = self.vips.insert(vip.clone(), (list, listener))
                && let Some(listener) = listener.filter(|listener| *listener != other)
            {
                return Err(PlanError::VipTaken { listener, other, vip, transport: transport.to_owned() });
            }
        }
        Ok(())
    }
}

/// The unit's own key and its pool's: who made a pool is remembered when its listener goes.
fn keys_of(unit: &Unit<'_>) -> impl Iterator<Item = UnitKey> {
    let pool = unit.pool.map(|pool| UnitKey::Pool(pool.id)).filter(|key| *key != unit.key);
    std::iter::once(unit.key).chain(pool)
}

/// The row's options that some plugin may set, or one that is gone has set; the others are an operator's own.
pub(crate) fn managed_options<'a>(
    row: &'a LoadBalancerRow,
    words: &'a Words,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    let named = row.external_ids.get(keys::OPTIONS).map_or("", String::as_str);
    row.options.iter().filter(move |(key, _)| {
        words.options.contains(*key) || named.split(',').any(|name| name == key.as_str())
    })
}
