//! Conformance: questions derived from what a plugin says of itself, and the rules that every plugin obeys.

use crate::asker::{Asker, Wants};
use crate::question::{Question, Reply};
use crate::rules::{Fault, needs_config};
use crate::{Report, Subject, relations};

mod algorithm;
mod protocol;
mod scene;

/// Questions that break a plugin, after which no more are asked.
const ENOUGH: usize = 20;

/// How many questions conformance asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// All of them, each twice and with the members turned round: about 140 for each word.
    #[default]
    Full,
    /// About 50 for each word, once: what a host asks when it loads a plugin. In the sandbox about 0.2 ms each.
    Quick,
}

/// A question with its name, and what it must be answered with.
pub(crate) struct Case {
    pub name: String,
    pub question: Question,
    pub wants: Wants,
    /// Whether it is among the few.
    pub quick: bool,
}

/// Asks a plugin what every plugin of its kind is asked, under the configuration `config` (JSON, or empty).
///
/// ```
/// use weir_guest::*;
/// use weir_testkit::{Depth, Native, conformance};
///
/// struct Careless;
///
/// impl Plugin for Careless {
///     fn describe() -> Description {
///         Description::of_algorithms("careless", "1.0.0", &["CARELESS"])
///     }
/// }
///
/// impl Algorithm for Careless {
///     fn distribute(_: &Context, _: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
///         let shares = (0..).zip(members).map(|(member, m)| Share { member, copies: m.weight }).collect();
///         Ok(Distribution { selection_fields: vec![], options: vec![], shares })
///     }
/// }
///
/// let report = conformance(&Native::algorithm::<Careless>(), Depth::Full, "");
/// assert!(report.failures.iter().any(|f| f.rule == "copies are 1 to 64" && f.hint.contains("shares_by_weight")));
/// ```
pub fn conformance(subject: &dyn Subject, depth: Depth, config: &str) -> Report {
    let mut asker = Asker::new("conformance", subject);
    let described = Ok(Reply::Description(asker.description.clone()));
    if !asker.report.ok() {
        // What cannot say what it serves cannot be asked for it.
        return asker.report;
    }
    asker.again("describe", &Question::Describe, &described);
    configurations(&mut asker, config);
    let ready = !config.is_empty() || !needs_config(&asker.description);
    let mut cases = vec![];
    for word in &asker.description.protocols {
        cases.extend(protocol::cases(&asker.description, word));
    }
    for word in &asker.description.algorithms {
        cases.extend(algorithm::cases(&asker.description, word));
    }
    for mut case in cases {
        if depth == Depth::Quick && !case.quick {
            continue;
        }
        // One that breaks all the time says nothing new, and may take its full time each time.
        if asker.broken >= ENOUGH {
            break;
        }
        match &mut case.question {
            Question::Translate(unit) => config.clone_into(&mut unit.context.config),
            Question::CheckMembers { context, .. }
            | Question::PlanMonitor { context, .. }
            | Question::Distribute { context, .. } => config.clone_into(&mut context.config),
            Question::Describe | Question::CheckConfig { .. } => {}
        }
        // An operator may configure away what is served; a host that loads the plugin cannot know how far. An author
        // can, and runs this with a configuration that leaves the plain case of every word.
        let narrowed = depth == Depth::Quick && !asker.description.config_schema.is_empty();
        if matches!(case.wants, Wants::Answer(_)) && (!ready || (narrowed && !of_nothing(&case.question))) {
            case.wants = Wants::Any;
        }
        let Some(answer) = asker.ask(&case.name, &case.question, case.wants) else { continue };
        if depth == Depth::Full {
            asker.again(&case.name, &case.question, &answer);
            if let Some(fault) = relations::order(subject, &case.question, &answer) {
                asker.note(&case.name, &case.question, fault);
            }
        }
    }
    asker.report
}

/// Whether it is about what has no listener and no pool: what the fallback is asked for.
fn of_nothing(question: &Question) -> bool {
    match question {
        Question::Translate(unit) => unit.listener.is_none() && unit.pool.is_none(),
        Question::Distribute { pool, .. } => pool.is_none(),
        _ => false,
    }
}

fn configurations(asker: &mut Asker<'_>, config: &str) {
    let none = Question::CheckConfig { config: String::new() };
    let wants = if needs_config(&asker.description) {
        Wants::Any
    } else {
        Wants::Answer("no configuration is the default; if one is needed, config_schema says `required`")
    };
    asker.ask("no configuration", &none, wants);
    let garbage = Question::CheckConfig { config: "{ this is no JSON".into() };
    let wants = Wants::Refusal("a configuration that is not JSON cannot be read");
    asker.ask("a configuration that is not JSON", &garbage, wants);
    let strange = Question::CheckConfig { config: "{\"no_such_key\": [1, 2.5, null]}".into() };
    let answer = asker.ask("a configuration with an unknown key", &strange, Wants::Any);
    if let Some(Ok(_)) = answer
        && asker.description.config_schema.is_empty()
    {
        let fault = Fault::new(
            "a plugin without a configuration schema takes no configuration",
            "a refusal, or a schema",
            "it accepted a key that it cannot know",
            "leave Plugin::check_config at its default, or describe the configuration in config_schema",
        );
        asker.note("a configuration with an unknown key", &strange, fault);
    }
    if !config.is_empty() {
        let given = Question::CheckConfig { config: config.to_owned() };
        asker.ask("the given configuration", &given, Wants::Answer("the tests run with it"));
    }
}
