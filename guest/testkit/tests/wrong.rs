//! For each rule a plugin that breaks it, and only it: it is caught, and told what to mend.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::Cell;

use weir_guest::l4::{self, L4};
use weir_guest::*;
use weir_testkit::*;

const L4: L4 = L4 {
    name: "pigeon",
    version: "1.0.0",
    protocol: "PIGEON",
    transport: "tcp",
    fallback: false,
    monitors: &["TCP"],
};

/// A good plugin for a protocol and an algorithm, spoiled in one way.
#[derive(Default)]
struct Wrong {
    describe: Option<fn(&mut Description)>,
    config: Option<fn(&str) -> Result<(), Refusal>>,
    translate: Option<fn(&Unit, &mut Result<Translation, Refusal>)>,
    check_members: Option<fn(&[Member]) -> Vec<(u32, Refusal)>>,
    plan_monitor: Option<fn(&Monitor) -> Result<HealthCheck, Refusal>>,
    distribute: Option<fn(&[Member], &mut Result<Distribution, Refusal>)>,
    calls: Cell<u32>,
}

impl Subject for Wrong {
    fn describe(&self) -> Result<Description, Broken> {
        let mut description = Description {
            algorithms: vec!["FLOCK".into()],
            options: vec!["granted".into()],
            ..L4.describe()
        };
        if let Some(spoil) = self.describe {
            spoil(&mut description);
        }
        Ok(description)
    }

    fn check_config(&self, config: &str) -> Answer<()> {
        let good = |config: &str| {
            if config.is_empty() { Ok(()) } else { Err(Refusal::new("unexpected-config", "config", "no")) }
        };
        Ok(self.config.unwrap_or(good)(config))
    }

    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation> {
        self.calls.set(self.calls.get() + 1);
        let unit = Unit {
            context: ctx.clone(),
            listener: listener.cloned(),
            pool: pool.cloned(),
            members: members.to_vec(),
            shares: shares.to_vec(),
        };
        let mut answer = l4::translate(&L4, ctx, listener, pool, members, shares);
        if let Some(spoil) = self.translate {
            spoil(&unit, &mut answer);
        }
        match &answer {
            Ok(t) if t.transport == "break" => {
                Err(Broken { code: "plugin-trap".into(), message: "cannot fly".into() })
            }
            Ok(t) if t.transport == "count" => {
                let mut t = t.clone();
                t.transport = "tcp".into();
                t.empty_reason = Some(format!("call {}", self.calls.get()));
                Ok(Ok(t))
            }
            _ => Ok(answer),
        }
    }

    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken> {
        Ok(self.check_members.map_or_else(|| l4::check_members(&L4, ctx, pool, members), |f| f(members)))
    }

    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck> {
        Ok(self.plan_monitor.map_or_else(|| l4::plan_monitor(&L4, ctx, pool, monitor), |f| f(monitor)))
    }

    fn distribute(&self, _: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution> {
        let mut answer = match pool {
            Some(p) if p.algorithm != "FLOCK" => Err(Refusal::new("unsupported-algorithm", "", "no")),
            Some(Pool { persistence: Some(p), .. }) if p.kind != "SOURCE_IP" => {
                Err(Refusal::new("unsupported-persistence", "", "no"))
            }
            _ => Ok(Distribution {
                selection_fields: vec!["ip_src".into()],
                options: vec![],
                shares: shares_by_weight(members),
            }),
        };
        if let Some(spoil) = self.distribute {
            spoil(members, &mut answer);
        }
        Ok(answer)
    }
}

/// The plugin breaks this rule and no other, and the hint has these words.
#[track_caller]
fn breaks(wrong: &Wrong, rule: &str, hint: &str) {
    let mut report = conformance(wrong, Depth::Full, "");
    report.add(properties(wrong, 7, 300, ""));
    let rules: std::collections::BTreeSet<_> = report.failures.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), [rule], "{report}");
    let finding = &report.failures[0];
    assert!(finding.hint.contains(hint), "{finding}");
    assert!(!finding.got.is_empty() && finding.to_string().contains(rule), "{finding}");
}

fn translating(translate: fn(&Unit, &mut Result<Translation, Refusal>)) -> Wrong {
    Wrong { translate: Some(translate), ..Wrong::default() }
}

fn distributing(distribute: fn(&[Member], &mut Result<Distribution, Refusal>)) -> Wrong {
    Wrong { distribute: Some(distribute), ..Wrong::default() }
}

/// The backends of an answer.
fn backends(answer: &mut Result<Translation, Refusal>) -> impl Iterator<Item = &mut Backend> {
    answer.iter_mut().flat_map(|t| &mut t.entries).flat_map(|e| &mut e.backends)
}

#[test]
fn a_good_plugin_breaks_none() {
    let good = Wrong::default();
    conformance(&good, Depth::Full, "").assert_ok();
    conformance(&good, Depth::Quick, "").assert_ok();
    properties(&good, 1, 2000, "").assert_ok();
}

#[test]
fn what_breaks() {
    let wrong = translating(|unit, answer| {
        if unit.members.len() == 100 {
            answer.iter_mut().for_each(|t| t.transport = "break".into());
        }
    });
    breaks(&wrong, "no question breaks a plugin", "refuse what cannot be had");
}

#[test]
fn what_changes_its_mind() {
    let wrong = translating(|_, answer| answer.iter_mut().for_each(|t| t.transport = "count".into()));
    breaks(&wrong, "the same question has the same answer", "keep nothing between calls");
}

#[test]
fn who_serves_anything() {
    let wrong = translating(|unit, answer| {
        if answer.is_err() && unit.listener.is_some() {
            *answer = Ok(Translation::empty("tcp", "whatever"));
        }
    });
    breaks(&wrong, "what a plugin does not serve it refuses", "Refusal::unsupported");
}

#[test]
fn who_takes_load_balancers_without_listeners() {
    let wrong = translating(|unit, answer| {
        if unit.listener.is_none() && unit.pool.is_none() {
            *answer = Ok(Translation::empty("tcp", "there is nothing"));
        }
    });
    breaks(&wrong, "what a plugin does not serve it refuses", "");
}

#[test]
fn who_serves_nothing() {
    let wrong = translating(|_, answer| *answer = Err(Refusal::new("no", "", "not today")));
    breaks(&wrong, "what a plugin says that it serves it does serve", "plain case of every word");
    let wrong = distributing(|_, answer| *answer = Err(Refusal::new("no", "", "not today")));
    breaks(&wrong, "what a plugin says that it serves it does serve", "plain case of every word");
}

#[test]
fn indices() {
    let wrong = translating(|unit, answer| {
        let members = u32::try_from(unit.members.len()).unwrap();
        backends(answer).for_each(|b| b.member += members);
    });
    breaks(
        &wrong,
        "a member is named by its index in the call's list",
        "count the members of this call from 0",
    );
    let wrong = translating(|_, answer| {
        let more = |e: &Entry| Entry { vip: 9, backends: vec![], ..e.clone() };
        answer
            .iter_mut()
            .for_each(|t| t.entries.extend(t.entries.first().map(more).into_iter().collect::<Vec<_>>()));
    });
    breaks(&wrong, "a VIP is named by its index in the context's list", "count ctx.vips from 0");
}

#[test]
fn entries_and_backends() {
    let twice = translating(|_, answer| {
        answer.iter_mut().flat_map(|t| &mut t.entries).for_each(|e| {
            e.backends = e.backends.iter().flat_map(|b| [*b, *b]).collect();
        });
    });
    breaks(&twice, "a member stands once in an entry", "more copies");
    let copies = translating(|_, answer| backends(answer).for_each(|b| b.copies = 65));
    breaks(&copies, "copies are 1 to 64", "shares_by_weight");
    let port = translating(|_, answer| backends(answer).for_each(|b| b.port = 0));
    breaks(&port, "a backend has a port", "leave out");
    let port = translating(|_, answer| {
        answer.iter_mut().flat_map(|t| &mut t.entries).for_each(|e| e.port = 0);
    });
    breaks(&port, "an entry has a port", "the listener's port");
    let entry = translating(|_, answer| {
        answer.iter_mut().for_each(|t| {
            let first = t.entries.first().cloned();
            t.entries.extend(first);
        });
    });
    breaks(&entry, "a VIP and port stand in one entry only", "into one entry");
}

/// All members, whatever they are, behind all VIPs where `keep` lets them.
fn everybody(
    unit: &Unit,
    answer: &mut Result<Translation, Refusal>,
    keep: fn(&Unit, &Vip, u32, &Member) -> bool,
) {
    let Ok(translation) = answer else { return };
    let open =
        unit.listener.as_ref().is_some_and(|l| l.enabled) && unit.pool.as_ref().is_some_and(|p| p.enabled);
    if !open {
        return;
    }
    let behind = |vip: &Vip| {
        let kept = (0..).zip(&unit.members).filter(|(n, m)| m.port != 0 && keep(unit, vip, *n, m));
        kept.map(|(member, m)| Backend { member, port: m.port, copies: 1 }).collect::<Vec<_>>()
    };
    let entries = (0..).zip(&unit.context.vips).map(|(vip, v)| Entry { vip, port: 80, backends: behind(v) });
    translation.entries = entries.filter(|e| !e.backends.is_empty()).collect();
}

fn shared(unit: &Unit, member: u32) -> bool {
    unit.shares.iter().any(|s| s.member == member)
}

#[test]
fn families_disabled_members_and_shares() {
    let family = translating(|unit, answer| {
        everybody(unit, answer, |unit, _, n, m| m.enabled && shared(unit, n));
    });
    breaks(
        &family,
        "a member stands behind VIPs of its own family only",
        "cannot translate between IPv4 and IPv6",
    );
    let share = translating(|unit, answer| {
        everybody(unit, answer, |_, vip, _, m| m.family == vip.family && m.enabled);
    });
    breaks(&share, "only enabled members with a share get connections", "member.enabled");
}

#[test]
fn what_is_closed_stays_closed() {
    let wrong = translating(|unit, answer| {
        let open =
            Unit { listener: unit.listener.clone().map(|l| Listener { enabled: true, ..l }), ..unit.clone() };
        *answer = l4::translate(
            &L4,
            &open.context,
            open.listener.as_ref(),
            open.pool.as_ref(),
            &open.members,
            &open.shares,
        );
    });
    breaks(&wrong, "entries need a listener and a pool, both enabled", "listener.enabled");
}

#[test]
fn silence() {
    let wrong = translating(|unit, answer| {
        if unit.members.len() > 3 {
            answer.iter_mut().for_each(|t| t.entries.clear());
        }
    });
    breaks(&wrong, "a VIP is left without backends only for a reason that is given", "set empty_reason");
}

#[test]
fn words_of_the_schema_and_options() {
    let wrong = translating(|_, answer| answer.iter_mut().for_each(|t| t.transport = "pigeon".into()));
    breaks(&wrong, "an answer needs only what the connected schema has", "capabilities");
    let wrong = distributing(|_, answer| {
        answer.iter_mut().for_each(|d| d.selection_fields.push("mpls_label".into()));
    });
    breaks(&wrong, "an answer needs only what the connected schema has", "selection-field:");
    let wrong = distributing(|_, answer| {
        answer.iter_mut().for_each(|d| d.selection_fields.push("ip_src".into()));
    });
    breaks(&wrong, "a selection field stands once", "set");
    let wrong = translating(|_, answer| {
        answer.iter_mut().for_each(|t| t.options.push(("reject".into(), "true".into())));
    });
    breaks(&wrong, "only options that the description names are set", "add \"reject\" to `options`");
    let wrong = distributing(|_, answer| {
        answer
            .iter_mut()
            .for_each(|d| d.options = vec![("granted".into(), "1".into()), ("granted".into(), "2".into())]);
    });
    breaks(&wrong, "an option is set once", "one value");
    let wrong = distributing(|_, answer| {
        answer.iter_mut().for_each(|d| d.options = vec![("granted".into(), "a\nb".into())]);
    });
    breaks(&wrong, "an option's value is printable ASCII of at most 256 bytes", "ovn-nb(5)");
}

#[test]
fn shares() {
    let wrong = distributing(|members, answer| {
        let all = (0..).zip(members).map(|(member, _)| Share { member, copies: 1 }).collect();
        answer.iter_mut().for_each(|d| d.shares.clone_from(&all));
    });
    breaks(&wrong, "a disabled member, or one of weight 0, has no share", "usable(members)");
    let wrong = distributing(|_, answer| {
        answer.iter_mut().flat_map(|d| &mut d.shares).for_each(|s| s.copies = 0);
    });
    breaks(&wrong, "copies are 1 to 64", "leave out");
    let wrong = distributing(|_, answer| {
        answer.iter_mut().for_each(|d| {
            d.shares = d.shares.iter().flat_map(|s| [*s, *s]).collect();
        });
    });
    breaks(&wrong, "a member has one share", "more copies");
    let wrong = distributing(|_, answer| answer.iter_mut().for_each(|d| d.shares.reverse()));
    breaks(&wrong, "shares stand in the members' order", "sort");
    let wrong = distributing(|_, answer| answer.iter_mut().for_each(|d| d.shares.truncate(2)));
    breaks(&wrong, "the order of members does not decide who serves", "not by where they stand");
    // Disabled members are counted, though they get nothing.
    let wrong = distributing(|members, answer| {
        let copies = u16::try_from(members.len().min(64)).unwrap();
        answer.iter_mut().flat_map(|d| &mut d.shares).for_each(|s| s.copies = copies);
    });
    breaks(&wrong, "a disabled member changes nothing for the others", "before anything is counted");
}

#[test]
fn refusals() {
    let wrong = translating(|_, answer| answer.iter_mut().for_each(drop));
    conformance(&wrong, Depth::Full, "").assert_ok();
    let wrong = translating(|_, answer| {
        if let Err(refusal) = answer {
            refusal.code = "Not Supported".into();
        }
    });
    breaks(&wrong, "a refusal's code is kebab-case, at most 64 characters", "lower case with hyphens");
    let wrong = translating(|_, answer| {
        if let Err(refusal) = answer {
            refusal.user = " ".into();
        }
    });
    breaks(&wrong, "a refusal tells the user why", "Refusal::unsupported");
    let wrong = translating(|_, answer| {
        if let Err(refusal) = answer {
            refusal.field = "the pool".into();
        }
    });
    breaks(&wrong, "a refusal's field is `object.attribute` in Octavia's words, or empty", "letters");
    let wrong = translating(|_, answer| {
        if let Err(refusal) = answer {
            refusal.operator = "x".repeat(5000);
        }
    });
    breaks(&wrong, "sentences are at most 2048 bytes", "how many");
}

fn no() -> Refusal {
    Refusal::new("no", "", "no")
}

#[test]
fn members_and_monitors() {
    let wrong = Wrong {
        check_members: Some(|members| {
            members.first().map(|_| [(0, no()), (0, no())]).into_iter().flatten().collect()
        }),
        ..Wrong::default()
    };
    let report = conformance(&wrong, Depth::Quick, "");
    assert_eq!(report.failures[0].rule, "check-members refuses a member at most once", "{report}");
    let wrong = Wrong {
        check_members: Some(|members| vec![(u32::try_from(members.len()).unwrap(), no())]),
        ..Wrong::default()
    };
    breaks(&wrong, "a member is named by its index in the call's list", "from 0");
    let zero = HealthCheck { interval_s: 0, timeout_s: 1, success: 1, failure: 1 };
    let wrong = Wrong {
        plan_monitor: Some(move |m| {
            if m.kind == "TCP" {
                Ok(HealthCheck { interval_s: 0, timeout_s: 1, success: 1, failure: 1 })
            } else {
                Err(no())
            }
        }),
        ..Wrong::default()
    };
    assert_eq!(zero.interval_s, 0);
    breaks(&wrong, "a health check's numbers are above 0", "delay_s");
    let wrong = Wrong {
        plan_monitor: Some(|_| Ok(HealthCheck { interval_s: 1, timeout_s: 1, success: 1, failure: 1 })),
        ..Wrong::default()
    };
    breaks(&wrong, "what a plugin does not serve it refuses", "");
}

#[test]
fn descriptions() {
    let described = |describe: fn(&mut Description)| Wrong { describe: Some(describe), ..Wrong::default() };
    breaks(
        &described(|d| d.name = "Pigeon!".into()),
        "a plugin's name is kebab-case, at most 64 characters",
        "lower case",
    );
    breaks(&described(|d| d.version = String::new()), "a plugin has a version", "CARGO_PKG_VERSION");
    breaks(
        &described(|d| d.protocols.push("PIGEON".into())),
        "lists of a description hold words, each once",
        "as Octavia spells them",
    );
    breaks(
        &described(|d| {
            d.protocols.clear();
            d.algorithms.clear();
        }),
        "a plugin serves a protocol or an algorithm",
        "name what",
    );
    breaks(
        &described(|d| d.config_schema = "{".into()),
        "config-schema is a JSON Schema of at most 64 KiB, or empty",
        "leave it empty",
    );
    breaks(
        &described(|d| d.algorithms = (0..65).map(|n| format!("A{n}")).collect()),
        "lists of a description have at most 64 words",
        "several plugins",
    );
}

#[test]
fn configurations() {
    let takes_all = Wrong { config: Some(|_| Ok(())), ..Wrong::default() };
    let report = conformance(&takes_all, Depth::Quick, "");
    let rules: Vec<_> = report.failures.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "what a plugin does not serve it refuses",
            "a plugin without a configuration schema takes no configuration"
        ],
        "{report}"
    );
    let takes_none = Wrong { config: Some(|_| Err(no())), ..Wrong::default() };
    breaks(&takes_none, "what a plugin says that it serves it does serve", "required");
    // One that says so may refuse to work without.
    let needs = Wrong {
        config: Some(|_| Err(no())),
        describe: Some(|d| d.config_schema = r#"{"required": ["roof"]}"#.into()),
        translate: Some(|_, answer| *answer = Err(no())),
        ..Wrong::default()
    };
    conformance(&needs, Depth::Full, "").assert_ok();
}

#[test]
fn a_random_failure_is_made_small() {
    let wrong = translating(|unit, answer| {
        if unit.members.iter().any(|m| m.weight == 256) && unit.members.len() > 1 {
            answer.iter_mut().for_each(|t| t.transport = "break".into());
        }
    });
    let report = properties(&wrong, 1, 2000, "");
    let finding = report.failures.first().unwrap();
    assert_eq!(finding.rule, "no question breaks a plugin");
    let question = json::parse(&finding.question).unwrap();
    let Some(json::Value::List(members)) = question.get("members") else { panic!("{finding}") };
    assert_eq!(members.len(), 2, "{finding}");
}

#[test]
fn two_plugins_are_compared() {
    let (good, other) =
        (Wrong::default(), distributing(|_, answer| answer.iter_mut().for_each(|d| d.shares.clear())));
    assert_eq!(comparison(&good, &Wrong::default(), 3, 500, "").differences, []);
    let report = comparison(&other, &good, 3, 500, "");
    assert!(report.ok());
    assert_eq!(report.differences.len(), 1, "{report}");
    let found = &report.differences[0];
    assert_eq!(
        (found.rule.as_str(), found.got.as_str()),
        ("distribute: shares as the shipped plugin answers", "[]")
    );
}
