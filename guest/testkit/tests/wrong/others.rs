//! Plugins that are wrong in what they share, refuse, describe, or in what only a run shows.

use weir_guest::*;
use weir_testkit::*;

use crate::stand_in::*;

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
    let wrong = Wrong {
        plan_monitor: Some(|m| {
            if m.kind == "TCP" {
                Ok(HealthCheck { interval_s: 0, timeout_s: 1, success: 1, failure: 1 })
            } else {
                Err(no())
            }
        }),
        ..Wrong::default()
    };
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
