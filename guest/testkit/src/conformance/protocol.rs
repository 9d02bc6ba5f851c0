//! What is asked of a plugin that serves a protocol.

use weir_guest::{Context, Description, Listener, Monitor, Persistence, Pool, testing};

use super::Case;
use super::scene::{self, VIPS};
use crate::asker::Wants;
use crate::octavia::{UNKNOWN, words};
use crate::question::{Question, Unit};

struct Cases<'a> {
    word: &'a str,
    list: Vec<Case>,
}

impl Cases<'_> {
    fn add(&mut self, quick: bool, name: &str, question: Question, wants: Wants) {
        self.list.push(Case { name: format!("{}: {name}", self.word), question, wants, quick });
    }

    fn listener(&self) -> Listener {
        testing::listener(self.word)
    }

    fn pool(&self) -> Pool {
        scene::pool(self.word, &words().algorithm)
    }

    /// A listener with its pool and three members at an IPv4 VIP.
    fn unit(&self) -> Unit {
        let members = scene::members(3, &[]);
        Unit {
            context: scene::context(&["198.51.100.1"]),
            listener: Some(self.listener()),
            pool: Some(self.pool()),
            shares: scene::shares(&members),
            members,
        }
    }

    fn changed(&mut self, quick: bool, name: &str, wants: Wants, change: impl FnOnce(&mut Unit)) {
        let mut unit = self.unit();
        change(&mut unit);
        self.add(quick, name, Question::Translate(unit), wants);
    }
}

pub(super) fn cases(of: &Description, word: &str) -> Vec<Case> {
    let mut cases = Cases { word, list: vec![] };
    parts(&mut cases, of);
    sizes(&mut cases);
    wishes(&mut cases);
    members(&mut cases);
    monitors(&mut cases);
    cases.list
}

/// Every combination of parts, on every set of VIPs.
fn parts(cases: &mut Cases<'_>, of: &Description) {
    for (index, (name, vips)) in VIPS.into_iter().enumerate() {
        let quick = index == 0;
        let part = |listener, pool| {
            let (members, shares) = (vec![], vec![]);
            Question::Translate(Unit { context: scene::context(vips), listener, pool, members, shares })
        };
        let wants = if of.fallback {
            Wants::Answer("the fallback gives the transport of a load balancer without listeners")
        } else {
            Wants::Refusal("a plugin that is not the fallback refuses what has no listener and no pool")
        };
        cases.add(quick, &format!("neither listener nor pool, {name}"), part(None, None), wants);
        let (listener, pool) = (Some(cases.listener()), Some(cases.pool()));
        cases.add(quick, &format!("a listener alone, {name}"), part(listener.clone(), None), Wants::Any);
        cases.add(quick, &format!("a pool alone, {name}"), part(None, pool.clone()), Wants::Any);
        cases.add(quick, &format!("a pool without members, {name}"), part(listener, pool), Wants::Any);
    }
    let plain = Wants::Answer("a plain listener with its pool is what it is for");
    cases.changed(true, "a plain listener with its pool", plain, |_| {});
}

fn sizes(cases: &mut Cases<'_>) {
    for count in [1, 10, 100] {
        for (index, (name, vips)) in VIPS.into_iter().enumerate() {
            let members = scene::members(count, vips);
            let quick = count == 10 && index >= 2;
            cases.changed(quick, &format!("{count} members, {name}"), Wants::Any, |unit| {
                unit.context = scene::context(vips);
                unit.shares = scene::shares(&members);
                unit.members = members;
            });
        }
    }
    for (name, vips, members) in [
        ("IPv6 members alone behind an IPv4 VIP", "198.51.100.1", "2001:db8::1"),
        ("IPv4 members alone behind an IPv6 VIP", "2001:db8::1", "198.51.100.1"),
    ] {
        let members = scene::members(3, &[members]);
        cases.changed(true, name, Wants::Any, |unit| {
            unit.context = scene::context(&[vips]);
            unit.shares = scene::shares(&members);
            unit.members = members;
        });
    }
    for (name, members) in scene::lists() {
        cases.changed(true, name, Wants::Any, |unit| {
            unit.shares = scene::shares(&members);
            unit.members = members;
        });
    }
    cases.changed(true, "no shares", Wants::Any, |unit| unit.shares.clear());
    cases.changed(false, "one share", Wants::Any, |unit| unit.shares.truncate(1));
    cases.changed(false, "a share for a disabled member", Wants::Any, |unit| {
        unit.members.iter_mut().for_each(|m| m.enabled = false);
    });
    cases.changed(true, "64 copies", Wants::Any, |unit| unit.shares.iter_mut().for_each(|s| s.copies = 64));
}

/// What a user may set, and words that are none.
fn wishes(cases: &mut Cases<'_>) {
    let unserved = Wants::Refusal("a word that the description does not name is not served");
    cases.changed(true, "a listener of an unknown protocol", unserved, |unit| {
        unit.listener.iter_mut().for_each(|l| l.protocol = UNKNOWN.into());
    });
    cases.changed(true, "a listener alone, of an unknown protocol", unserved, |unit| {
        unit.listener.iter_mut().for_each(|l| l.protocol = UNKNOWN.into());
        unit.pool = None;
    });
    cases.changed(true, "a pool of an unknown protocol", unserved, |unit| {
        unit.pool.iter_mut().for_each(|p| p.protocol = UNKNOWN.into());
    });
    cases.changed(true, "a pool alone, of an unknown protocol", unserved, |unit| {
        unit.pool.iter_mut().for_each(|p| p.protocol = UNKNOWN.into());
        unit.listener = None;
    });
    cases.changed(true, "a disabled listener", Wants::Any, |unit| {
        unit.listener.iter_mut().for_each(|l| l.enabled = false);
    });
    cases.changed(true, "a disabled pool", Wants::Any, |unit| {
        unit.pool.iter_mut().for_each(|p| p.enabled = false);
    });
    cases.changed(true, "port 0", Wants::Any, |unit| unit.listener.iter_mut().for_each(|l| l.port = 0));
    cases.changed(false, "port 65535", Wants::Any, |unit| {
        unit.listener.iter_mut().for_each(|l| l.port = 65535);
    });
    cases.changed(false, "members without a port", Wants::Any, |unit| {
        unit.members.iter_mut().for_each(|m| m.port = 0);
    });
    cases.changed(false, "allowed CIDRs", Wants::Any, |unit| {
        unit.listener.iter_mut().for_each(|l| l.allowed_cidrs = vec!["192.0.2.0/24".into()]);
    });
    cases.changed(false, "a schema of which nothing is known", Wants::Any, |unit| {
        unit.context.capabilities.clear();
    });
    cases.changed(true, "keys that nobody knows", Wants::Any, |unit| {
        unit.context.extra = scene::unknown();
        unit.context.flavor = scene::unknown();
        unit.listener.iter_mut().for_each(|l| l.extra = scene::unknown());
        unit.pool.iter_mut().for_each(|p| p.extra = scene::unknown());
    });
    for pair in &words().extras {
        cases.changed(false, &format!("{} set to {}", pair.0, pair.1), Wants::Any, |unit| {
            unit.listener.iter_mut().for_each(|l| l.extra = vec![pair.clone()]);
            unit.pool.iter_mut().for_each(|p| p.extra = vec![pair.clone()]);
        });
    }
    cases.changed(false, "a monitor and a persistence that nobody knows", Wants::Any, |unit| {
        let persistence = Persistence { kind: UNKNOWN.into(), timeout_s: Some(0), extra: vec![] };
        unit.pool.iter_mut().for_each(|p| {
            p.persistence = Some(persistence.clone());
            p.monitor = Some(testing::monitor(UNKNOWN));
        });
    });
    for other in &words().protocols {
        if other != cases.word {
            cases.changed(false, &format!("a pool of {other}"), Wants::Any, |unit| {
                unit.pool.iter_mut().for_each(|p| p.protocol.clone_from(other));
            });
        }
    }
}

fn members(cases: &mut Cases<'_>) {
    let ask = |context: Context, pool: Pool, members| Question::CheckMembers { context, pool, members };
    for (name, vips) in VIPS {
        for count in [0, 1, 10, 100] {
            let question = ask(
                scene::context(vips),
                cases.pool(),
                scene::members(count, &["198.51.100.1", "2001:db8::1"]),
            );
            cases.add(
                count == 1,
                &format!("check {count} members of both families, {name}"),
                question,
                Wants::Any,
            );
        }
    }
    for (name, members) in scene::lists() {
        let question = ask(scene::context(&["198.51.100.1"]), cases.pool(), members);
        cases.add(false, &format!("check: {name}"), question, Wants::Any);
    }
    let bad = scene::changed(|n, m| {
        m.port = 0;
        m.extra = words().extras.get(n % words().extras.len().max(1)).cloned().into_iter().collect();
    });
    let question = ask(scene::context(&["198.51.100.1"]), cases.pool(), bad);
    cases.add(true, "check members without ports, with attributes", question, Wants::Any);
}

fn monitors(cases: &mut Cases<'_>) {
    let context = || scene::context(&["198.51.100.1"]);
    let mut kinds: Vec<_> = words().monitors.iter().map(|kind| (kind.as_str(), Wants::Any)).collect();
    kinds.push((UNKNOWN, Wants::Refusal("nobody can check by a kind of monitor that there is not")));
    kinds.push(("", Wants::Refusal("nobody can check by a kind of monitor that there is not")));
    for (kind, wants) in kinds {
        let (pool, monitor) = (cases.pool(), testing::monitor(kind));
        let question = Question::PlanMonitor { context: context(), pool, monitor };
        cases.add(true, &format!("a monitor of kind {kind:?}"), question, wants);
        for (name, number) in [("0", 0), ("the largest number", u32::MAX)] {
            let monitor = Monitor {
                delay_s: number,
                timeout_s: number,
                rise: number,
                fall: number,
                extra: scene::unknown(),
                ..testing::monitor(kind)
            };
            let question = Question::PlanMonitor { context: context(), pool: cases.pool(), monitor };
            cases.add(
                false,
                &format!("a monitor of kind {kind:?}, all numbers {name}"),
                question,
                Wants::Any,
            );
        }
    }
    let monitor = testing::monitor(words().monitors.first().map_or("", String::as_str));
    let pool = Pool { protocol: UNKNOWN.into(), ..cases.pool() };
    let unserved = Wants::Refusal("a word that the description does not name is not served");
    let question = Question::PlanMonitor { context: context(), pool, monitor };
    cases.add(false, "a monitor of a pool of an unknown protocol", question, unserved);
}
