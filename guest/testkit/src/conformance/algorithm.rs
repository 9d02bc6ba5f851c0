//! What is asked of a plugin that serves an algorithm.

use weir_guest::{Description, Member, Persistence, Pool};

use super::Case;
use super::scene::{self, VIPS};
use crate::asker::Wants;
use crate::octavia::{UNKNOWN, words};
use crate::question::Question;

pub(super) fn cases(of: &Description, word: &str) -> Vec<Case> {
    let mut list = vec![];
    let mut add =
        |quick: bool, name: &str, vips: &[&str], pool: Option<Pool>, members: Vec<Member>, wants: Wants| {
            let question = Question::Distribute { context: scene::context(vips), pool, members };
            list.push(Case { name: format!("{word}: {name}"), question, wants, quick });
        };
    let one = &["198.51.100.1"];
    let pool = || scene::pool(&words().protocol, word);
    let persistent = |kind: &str, timeout_s| {
        let persistence = Some(Persistence { kind: kind.into(), timeout_s, extra: vec![] });
        Some(Pool { persistence, ..pool() })
    };

    let plain = Wants::Answer("a plain pool is what it is for");
    add(true, "a plain pool", one, Some(pool()), scene::members(3, one), plain);
    let without = if of.fallback {
        Wants::Answer("the fallback gives the selection fields of what has no pool")
    } else {
        Wants::Any
    };
    for (index, (name, vips)) in VIPS.into_iter().enumerate() {
        add(true, &format!("no pool, {name}"), vips, None, vec![], without);
        for count in [0, 1, 10, 100] {
            let quick = count == 1 || (count == 10 && index == 2);
            let members = scene::members(count, vips);
            add(quick, &format!("{count} members, {name}"), vips, Some(pool()), members, Wants::Any);
        }
    }
    for (name, members) in scene::lists() {
        add(true, name, one, Some(pool()), members, Wants::Any);
    }
    let unserved = Wants::Refusal("a word that the description does not name is not served");
    add(true, "an unknown algorithm", one, Some(scene::pool(&words().protocol, UNKNOWN)), vec![], unserved);
    add(true, "an empty algorithm", one, Some(scene::pool(&words().protocol, "")), vec![], unserved);
    for other in &words().protocols {
        add(false, &format!("a pool of {other}"), one, Some(scene::pool(other, word)), vec![], Wants::Any);
    }
    add(false, "a pool of an unknown protocol", one, Some(scene::pool(UNKNOWN, word)), vec![], Wants::Any);

    let nobody = Wants::Refusal("nobody can keep clients by a kind of persistence that there is not");
    add(true, "an unknown persistence", one, persistent(UNKNOWN, None), vec![], nobody);
    for kind in &words().persistences {
        for timeout in [None, Some(0), Some(1), Some(3600), Some(u32::MAX)] {
            let name = format!("persistence {kind}, timeout {timeout:?}");
            add(timeout.is_none(), &name, one, persistent(kind, timeout), scene::members(3, one), Wants::Any);
        }
        for pair in &words().extras {
            let mut asked = persistent(kind, None);
            for persistence in asked.iter_mut().filter_map(|p| p.persistence.as_mut()) {
                persistence.extra = vec![pair.clone()];
            }
            add(
                false,
                &format!("persistence {kind} with {} {}", pair.0, pair.1),
                one,
                asked,
                vec![],
                Wants::Any,
            );
        }
    }
    add(
        true,
        "a disabled pool",
        one,
        Some(Pool { enabled: false, ..pool() }),
        scene::members(3, one),
        Wants::Any,
    );
    add(
        true,
        "keys that nobody knows",
        one,
        Some(Pool { extra: scene::unknown(), ..pool() }),
        vec![],
        Wants::Any,
    );

    let mut poor = scene::context(&["198.51.100.1", "2001:db8::1"]);
    poor.capabilities.clear();
    let question =
        Question::Distribute { context: poor, pool: Some(pool()), members: scene::members(3, one) };
    let name = format!("{word}: a schema of which nothing is known");
    list.push(Case { name, question, wants: Wants::Any, quick: true });
    list
}
