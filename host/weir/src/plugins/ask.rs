//! Asking the plugins about a load balancer.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{LoadBalancer, MemberId, Pool, PoolId};
use weir_plan::{Distribution, Problem, Translation, Translations, Unit, units};
use weir_sandbox as wit;

use super::{Plugins, convert};

/// What the plugins said of a load balancer.
pub struct Answers {
    /// For the planner.
    pub translations: Translations,
    /// Members that a plugin does not accept, by pool.
    pub members: BTreeMap<PoolId, Vec<MemberProblem>>,
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
pub fn ask(plugins: &Plugins, lb: &LoadBalancer, check: impl Fn(&Pool) -> bool) -> Answers {
    let context = convert::context(lb, &plugins.facts);
    let asker = Asker { registry: &plugins.registry, context: &context };
    let mut translations = Translations::default();
    let mut asked = BTreeMap::new();
    for pool in lb.pools.values() {
        let mut question = Asked {
            pool: convert::pool(pool),
            members: pool.members.values().map(convert::member).collect(),
            shares: Vec::new(),
        };
        let answer = asker.distribute(Some(&mut question));
        translations.distributions.insert(Some(pool.id), answer);
        asked.insert(pool.id, question);
    }
    let mut members = BTreeMap::new();
    for unit in units(lb) {
        if unit.pool.is_none() {
            translations.distributions.entry(None).or_insert_with(|| asker.distribute(None));
        }
        let question = unit.pool.and_then(|pool| asked.get(&pool.id));
        translations.units.insert(unit.key, asker.translate(&unit, question));
        if let (Some(pool), Some(question)) = (unit.pool.filter(|pool| check(pool)), question) {
            let problems = asker.check_members(&unit, pool, question);
            members.entry(pool.id).or_insert_with(Vec::new).extend(problems);
        }
    }
    Answers { translations, members }
}

/// The selection fields that an algorithm gives a pool of IPv4, for recognising rows of others.
pub(super) fn selection_fields(
    registry: &wit::Registry,
    facts: &[String],
    word: &str,
) -> Option<BTreeSet<String>> {
    let vips =
        vec![wit::Vip { address: "192.0.2.1".to_owned(), family: convert::family(true), floating: false }];
    let context = wit::Context {
        capabilities: facts.to_vec(),
        config: String::new(),
        flavor: Vec::new(),
        project_id: String::new(),
        vips,
        extra: Vec::new(),
    };
    let pool = wit::Pool {
        protocol: String::new(),
        algorithm: word.to_owned(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: Vec::new(),
    };
    let answer = registry.algorithm(word)?.distribute(&context, Some(&pool), &[]).ok()?;
    Some(answer.selection_fields.into_iter().collect())
}

struct Asker<'a> {
    registry: &'a wit::Registry,
    context: &'a wit::Context,
}

impl Asker<'_> {
    fn distribute(&self, question: Option<&mut Asked>) -> Result<Distribution, Problem> {
        let word = question.as_ref().map(|question| question.pool.algorithm.clone());
        let plugin = match &word {
            Some(word) => self
                .registry
                .algorithm(word)
                .ok_or_else(|| unserved("pool.lb_algorithm", word, &self.registry.algorithms())),
            None => self.registry.fallback_algorithm().ok_or_else(no_fallback),
        }?;
        let (pool, members) = match &question {
            Some(question) => (Some(&question.pool), question.members.as_slice()),
            None => (None, [].as_slice()),
        };
        let answer =
            plugin.distribute(self.context, pool, members).map_err(|e| convert::problem(plugin, e))?;
        let (distribution, shares) = convert::distribution(answer);
        if let Some(question) = question {
            question.shares = shares;
        }
        Ok(distribution)
    }

    fn protocol(&self, unit: &Unit<'_>) -> Result<&wit::Plugin, Problem> {
        let (field, word) = match (unit.listener, unit.pool) {
            (Some(listener), _) => ("listener.protocol", &listener.protocol),
            (None, Some(pool)) => ("pool.protocol", &pool.protocol),
            (None, None) => return self.registry.fallback_protocol().ok_or_else(no_fallback),
        };
        self.registry.protocol(word).ok_or_else(|| unserved(field, word, &self.registry.protocols()))
    }

    fn translate(&self, unit: &Unit<'_>, question: Option<&Asked>) -> Result<Translation, Problem> {
        let plugin = self.protocol(unit)?;
        let listener = unit.listener.map(convert::listener);
        let (pool, members, shares) = match question {
            Some(asked) => (Some(&asked.pool), asked.members.as_slice(), asked.shares.as_slice()),
            None => (None, [].as_slice(), [].as_slice()),
        };
        let answer = plugin.translate(self.context, listener.as_ref(), pool, members, shares);
        answer.map(convert::translation).map_err(|error| convert::problem(plugin, error))
    }

    fn check_members(&self, unit: &Unit<'_>, pool: &Pool, question: &Asked) -> Vec<MemberProblem> {
        let Ok(plugin) = self.protocol(unit) else { return Vec::new() };
        let at = |index: usize, problem: Problem| {
            let member = pool.members.values().nth(index)?;
            let socket = weir_plan::keys::socket(&member.address, member.port);
            Some(MemberProblem { member: member.id, socket, problem })
        };
        match plugin.check_members(self.context, &question.pool, &question.members) {
            Ok(refusals) => refusals
                .into_iter()
                .filter_map(|(index, refusal)| {
                    at(index as usize, convert::refusal_of(plugin.name(), refusal))
                })
                .collect(),
            Err(error) => at(0, convert::problem(plugin, error)).into_iter().collect(),
        }
    }
}

/// A word of Octavia that no loaded plugin serves.
fn unserved(field: &str, word: &str, served: &[String]) -> Problem {
    let served = served.join(", ");
    let text = format!("{field}: {word} is not supported by this provider; supported: {served}");
    Problem { code: "not-served".to_owned(), user: text.clone(), operator: text, refused: true }
}

fn no_fallback() -> Problem {
    Problem {
        code: "no-fallback-plugin".to_owned(),
        user: "the provider is not set up for load balancers without listeners".to_owned(),
        operator: "no loaded plugin describes itself as fallback".to_owned(),
        refused: false,
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
