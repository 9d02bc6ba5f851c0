//! Asking the plugins about a load balancer.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use weir_model::{HealthMap, LoadBalancer, Member, MemberId, Monitor, Pool, PoolId};
use weir_plan::{
    Affinity, Distribution, Front, HealthCheck, Makers, Problem, Translation, Translations, Unit, UnitKey,
    units,
};
use weir_sandbox as wit;

use super::{Plugins, asker::Asker, convert, inherited::inherited};
use crate::{config::UnsupportedOptions, unsupported::WithoutEffect};

/// What the plugins said of a load balancer.
pub struct Answers {
    /// For the planner.
    pub translations: Translations,
    /// Members that a plugin does not accept, by pool.
    pub members: BTreeMap<PoolId, Vec<MemberProblem>>,
    /// Something is not as it would be if all plugins worked.
    pub unsettled: bool,
    /// Options that have no effect, of listeners.
    pub without_effect: WithoutEffect,
}

/// A load balancer that plugins are asked about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The load balancer.
    pub lb: &'a LoadBalancer,
    /// The same as it was accepted last.
    pub before: Option<&'a LoadBalancer>,
    /// Its addresses.
    pub fronts: &'a [Front],
    /// What the network says of its members.
    pub health: &'a HealthMap,
    /// Which plugins made what is there.
    pub makers: &'a Makers,
    /// What becomes of options that OVN cannot honour.
    pub policy: &'a UnsupportedOptions,
}

/// A member that is not accepted.
pub struct MemberProblem {
    /// Which one.
    pub member: MemberId,
    /// `address:port`, for messages.
    pub socket: String,
    /// Why.
    pub problem: Problem,
}

/// The plugin records of a pool, made once for all the questions about it.
struct Asked {
    pool: wit::Pool,
    members: Vec<wit::Member>,
    shares: Vec<wit::Share>,
}

/// Asks about every unit of a load balancer; `check` says which pools' members are to be judged too.
pub fn ask(plugins: &Plugins, subject: Subject<'_>, check: impl Fn(&Pool) -> bool) -> Answers {
    let Subject { lb, fronts, health, .. } = subject;
    let context = convert::context(lb, fronts, &plugins.facts);
    let member =
        |member: &Member| convert::member(member, health.get(&member.id).copied().unwrap_or_default());
    let without_effect = RefCell::default();
    let questions =
        Questions { asker: Asker::new(&context), registry: &plugins.registry, subject, without_effect };
    let mut translations = Translations::default();
    let mut asked = BTreeMap::new();
    for pool in lb.pools.values() {
        let mut question = Asked {
            pool: convert::pool(pool),
            members: pool.members.values().map(member).collect(),
            shares: Vec::new(),
        };
        let answer = questions.distribute(Some((pool, &mut question)));
        translations.distributions.insert(Some(pool.id), answer);
        if let Some(monitor) = &pool.monitor {
            let answer = questions.plan_monitor(pool, monitor, &question);
            translations.checks.insert(pool.id, answer);
        }
        asked.insert(pool.id, question);
    }
    let mut members = BTreeMap::new();
    for unit in units(lb) {
        if unit.pool.is_none() {
            translations.distributions.entry(None).or_insert_with(|| questions.distribute(None));
        }
        let question = unit.pool.and_then(|pool| asked.get(&pool.id));
        let answer = questions.translate(&unit, question);
        // A plugin that has just failed is not asked further: that would only hide that it fails.
        let broken = answer.as_ref().is_err_and(|problem| !problem.refused);
        translations.units.insert(unit.key, answer);
        if let (Some(pool), Some(question)) = (unit.pool.filter(|pool| !broken && check(pool)), question) {
            let problems = questions.check_members(&unit, pool, question);
            members.entry(pool.id).or_insert_with(Vec::new).extend(problems);
        }
    }
    let unsettled = questions.asker.broken();
    Answers { translations, members, unsettled, without_effect: questions.without_effect.into_inner() }
}

/// The selection fields that an algorithm gives a pool of IPv4, for recognising rows of others.
pub(super) fn selection_fields(
    registry: &wit::Registry,
    facts: &[String],
    word: &str,
) -> Option<BTreeSet<String>> {
    let answer = distribute_nobody(registry, facts, word, None)?;
    Some(answer.selection_fields.into_iter().collect())
}

/// How an algorithm's plugin keeps a client with its member, for the same. A kind that needs no cookie bears the name of an
/// algorithm: what one hashes, the other remembers.
pub(super) fn affinity(
    registry: &wit::Registry,
    facts: &[String],
    algorithm: &str,
    kind: &str,
) -> Option<Affinity> {
    let options = |timeout_s| {
        let persistence = wit::Persistence { kind: kind.to_owned(), timeout_s, extra: Vec::new() };
        Some(distribute_nobody(registry, facts, algorithm, Some(persistence))?.options)
    };
    let asked: u32 = 4242;
    let (option, _) = options(Some(asked))?.into_iter().find(|(_, value)| *value == asked.to_string())?;
    let (_, default) = options(None)?.into_iter().find(|(key, _)| *key == option)?;
    Some(Affinity { kind: kind.to_owned(), option, default })
}

fn distribute_nobody(
    registry: &wit::Registry,
    facts: &[String],
    word: &str,
    persistence: Option<wit::Persistence>,
) -> Option<wit::Distribution> {
    let vips =
        vec![wit::Vip { address: "192.0.2.1".to_owned(), family: convert::family(true), floating: false }];
    let plugin = registry.algorithm(word)?;
    let context = wit::Context {
        capabilities: facts.to_vec(),
        config: plugin.config().to_owned(),
        flavor: Vec::new(),
        project_id: String::new(),
        vips,
        extra: Vec::new(),
    };
    let pool = wit::Pool {
        protocol: String::new(),
        algorithm: word.to_owned(),
        persistence,
        monitor: None,
        enabled: true,
        extra: Vec::new(),
    };
    plugin.distribute(&context, Some(&pool), &[]).ok()
}

pub(super) struct Questions<'a> {
    asker: Asker<'a>,
    registry: &'a wit::Registry,
    pub(super) subject: Subject<'a>,
    pub(super) without_effect: RefCell<WithoutEffect>,
}

impl Questions<'_> {
    fn distribute(&self, question: Option<(&Pool, &mut Asked)>) -> Result<Distribution, Problem> {
        let registry = self.registry;
        let Some((pool, question)) = question else {
            let plugin = registry.fallback_algorithm().ok_or_else(no_fallback)?;
            let answer = self.asker.ask(plugin, None, "", |plugin, ctx| plugin.distribute(ctx, None, &[]));
            let (answer, by) = answer.map_err(|(error, by)| convert::problem(by, error))?;
            return Ok(convert::distribution(answer, by).0);
        };
        let word = &question.pool.algorithm;
        let plugin = registry
            .algorithm(word)
            .ok_or_else(|| unserved("pool.lb_algorithm", word, &registry.algorithms()))?;
        let stand_in = (!self.subject.makers.pools.contains_key(&pool.id))
            .then(|| registry.built_in_algorithm(word))
            .flatten();
        let inherited = inherited(&self.subject, None, Some(pool));
        let answer = self.asker.ask(plugin, stand_in, &inherited, |plugin, ctx| {
            plugin.distribute(ctx, Some(&question.pool), &question.members)
        });
        let (answer, by) = answer.map_err(|(error, by)| convert::problem(by, error))?;
        let (distribution, shares) = convert::distribution(answer, by);
        question.shares = shares;
        Ok(distribution)
    }

    /// Who serves a unit's protocol, and who may stand in.
    fn protocol(&self, unit: &Unit<'_>) -> Result<(&wit::Plugin, Option<&wit::Plugin>), Problem> {
        let (field, word) = match (unit.listener, unit.pool) {
            (Some(listener), _) => ("listener.protocol", &listener.protocol),
            (None, Some(pool)) => ("pool.protocol", &pool.protocol),
            (None, None) => {
                return self
                    .registry
                    .fallback_protocol()
                    .map(|plugin| (plugin, None))
                    .ok_or_else(no_fallback);
            }
        };
        let plugin =
            self.registry.protocol(word).ok_or_else(|| unserved(field, word, &self.registry.protocols()))?;
        let made = |key: &UnitKey| self.subject.makers.units.contains_key(key);
        let free = !made(&unit.key) && !unit.pool.is_some_and(|pool| made(&UnitKey::Pool(pool.id)));
        Ok((plugin, free.then(|| self.registry.built_in_protocol(word)).flatten()))
    }

    fn translate(&self, unit: &Unit<'_>, question: Option<&Asked>) -> Result<Translation, Problem> {
        let (plugin, stand_in) = self.protocol(unit)?;
        let mut listener = unit.listener.map(convert::listener);
        let (pool, members, shares) = match question {
            Some(asked) => (Some(&asked.pool), asked.members.as_slice(), asked.shares.as_slice()),
            None => (None, [].as_slice(), [].as_slice()),
        };
        let mut members = Cow::Borrowed(members);
        let inherited = inherited(&self.subject, unit.listener, unit.pool);
        loop {
            let answer = self.asker.ask(plugin, stand_in, &inherited, |plugin, ctx| {
                plugin.translate(ctx, listener.as_ref(), pool, &members, shares)
            });
            match answer {
                Ok((answer, by)) => {
                    if let Some(listener) = unit.listener.filter(|_| by.is_shipped()) {
                        self.note_inherited(listener);
                    }
                    return Ok(convert::translation(answer, by));
                }
                Err((wit::CallError::Refused(refusal), _))
                    if self.leave_out(unit, &refusal.field, listener.as_mut(), &mut members) => {}
                Err((error, by)) => return Err(convert::problem(by, error)),
            }
        }
    }

    fn plan_monitor(&self, pool: &Pool, monitor: &Monitor, question: &Asked) -> Result<HealthCheck, Problem> {
        let unit = Unit { key: UnitKey::Pool(pool.id), listener: None, pool: Some(pool) };
        let (plugin, stand_in) = self.protocol(&unit)?;
        let monitor = convert::monitor(monitor);
        let answer = self
            .asker
            .ask(plugin, stand_in, "", |plugin, ctx| plugin.plan_monitor(ctx, &question.pool, &monitor));
        match answer {
            Ok((answer, _)) => Ok(convert::health_check(&answer)),
            Err((error, by)) => Err(convert::problem(by, error)),
        }
    }

    fn check_members(&self, unit: &Unit<'_>, pool: &Pool, question: &Asked) -> Vec<MemberProblem> {
        let Ok((plugin, stand_in)) = self.protocol(unit) else { return Vec::new() };
        let at = |index: usize, problem: Problem| {
            let member = pool.members.values().nth(index)?;
            let socket = weir_plan::keys::socket(&member.address, member.port);
            Some(MemberProblem { member: member.id, socket, problem })
        };
        let mut members = Cow::Borrowed(question.members.as_slice());
        loop {
            let answer = self
                .asker
                .ask(plugin, stand_in, "", |plugin, ctx| plugin.check_members(ctx, &question.pool, &members));
            let (refusals, by) = match answer {
                Ok(answer) => answer,
                Err((error, by)) => return at(0, convert::problem(by, error)).into_iter().collect(),
            };
            let mut left_out = false;
            for (index, refusal) in &refusals {
                left_out |= self.leave_out_of_member(pool, *index as usize, &refusal.field, &mut members);
            }
            if !left_out {
                let refusals = refusals.into_iter();
                return refusals
                    .filter_map(|(index, refusal)| {
                        at(index as usize, convert::refusal_of(by.name(), refusal))
                    })
                    .collect();
            }
        }
    }
}

/// A word of Octavia that no loaded plugin serves.
fn unserved(field: &str, word: &str, served: &[String]) -> Problem {
    let served = served.join(", ");
    let text = format!("{field}: {word} is not supported by this provider; supported: {served}");
    let operator = text.clone();
    Problem { code: "not-served".to_owned(), user: text, operator, refused: true, keep: false }
}

fn no_fallback() -> Problem {
    Problem {
        code: "no-fallback-plugin".to_owned(),
        user: "the provider is not set up for load balancers without listeners".to_owned(),
        operator: "no loaded plugin describes itself as fallback".to_owned(),
        refused: false,
        keep: false,
    }
}

/// The key of a unit whose question differs between two states of a load balancer, with its answer's problem.
pub fn problem_of(translations: &Translations, unit: &Unit<'_>) -> Option<Problem> {
    let own = translations.units.get(&unit.key).and_then(|answer| answer.as_ref().err());
    let pool = unit.pool.map(|pool| pool.id);
    // The algorithm first: what it refuses is the pool's wish, while the protocol only follows.
    let distributed = translations.distributions.get(&pool).and_then(|answer| answer.as_ref().err());
    own.filter(|problem| problem.refused).or(distributed).or(own).cloned()
}
