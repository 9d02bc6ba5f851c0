//! Without a configuration it is what the shipped plugins are, and what a configuration refuses has its words.

use weir_guest::{Refusal, testing};
use weir_plugin_sctp::Sctp;
use weir_plugin_tcp::Tcp;
use weir_plugin_udp::Udp;
use weir_testkit::{Native, Question, Subject, sample};

use crate::{SitePolicy, config::Config};

#[test]
fn without_a_configuration_it_answers_as_the_shipped_plugins() {
    let shipped: [(&str, &dyn Subject); 4] = [
        ("HTTPS", &Native::protocol::<Tcp>()),
        ("TCP", &Native::protocol::<Tcp>()),
        ("UDP", &Native::protocol::<Udp>()),
        ("SCTP", &Native::protocol::<Sctp>()),
    ];
    let policy = Native::protocol::<SitePolicy>();
    for (word, shipped) in shipped {
        let same = |question: &Question| assert_eq!(question.ask(&policy), question.ask(shipped));
        for members in [0, 1, 100] {
            same(&sample::translate(word, members, ""));
        }
        let (context, pool) = (testing::context(&["198.51.100.1"]), testing::pool(word, "SOURCE_IP"));
        for kind in ["TCP", "UDP-CONNECT", "SCTP", "HTTP", "PING", "TLS-HELLO"] {
            let monitor = testing::monitor(kind);
            same(&Question::PlanMonitor { context: context.clone(), pool: pool.clone(), monitor });
        }
        let mut members = ["192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:80"].map(testing::member).to_vec();
        members[2].port = 0;
        same(&Question::CheckMembers { context, pool, members });
        // A wish that OVN cannot fulfil, and a pool of another protocol.
        let Question::Translate(unit) = sample::translate(word, 3, "") else { panic!() };
        let mut wish = unit.clone();
        wish.listener.as_mut().unwrap().extra = vec![("insert_headers".into(), "{\"a\":\"b\"}".into())];
        same(&Question::Translate(wish));
        let mut other = unit;
        other.pool.as_mut().unwrap().protocol = "HTTP".into();
        same(&Question::Translate(other));
    }
}

fn refused(config: &str) -> Refusal {
    Config::read(config).unwrap_err()
}

#[test]
fn a_long_list_is_cut_and_a_sentence_stays_one() {
    let ports: Vec<String> = (1..=3000).map(|port| format!("\"{port}-{port}\"")).collect();
    let config = Config::read(&format!("{{\"ports\":[{}]}}", ports.join(","))).unwrap();
    let refusal = config.rules("").port(4000).unwrap_err();
    assert!(refusal.user.ends_with("19, 20, and 2980 more"), "{}", refusal.user);
    assert!(refusal.operator.len() < 300);
}

#[test]
fn mistakes_are_named_with_their_place_and_value() {
    for (config, said) in [
        ("[]", "the configuration: an object is needed"),
        ("{", "the configuration: "),
        (r#"{"ports": [0]}"#, "0 is no port"),
        (r#"{"ports": [65536]}"#, "65536 is no port"),
        (r#"{"ports": ["90-80"]}"#, "\"90-80\" is no port"),
        (r#"{"ports": ["80-"]}"#, "\"80-\" is no port"),
        (r#"{"ports": [[80]]}"#, "[80] is no port"),
        (r#"{"ports": 80}"#, "expected a sequence"),
        (r#"{"member_cidrs": ["10.0.0.0/33"]}"#, "\\\"10.0.0.0/33\\\" is no network"),
        (r#"{"member_cidrs": ["10.0.0.1/8"]}"#, "write 10.0.0.0/8 or 10.0.0.1"),
        (r#"{"max_members": -1}"#, "-1"),
        (r#"{"prots": []}"#, "prots"),
        (r#"{"projects": []}"#, "projects: an object is needed"),
        (r#"{"projects": {"p1": {"projects": {}}}}"#, "projects.p1: unknown field `projects`"),
    ] {
        let refusal = refused(config);
        let said = said.replace("\\\"", "\"");
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("invalid-config", "config"));
        assert!(refusal.user.contains(&said), "{config}: {}", refusal.user);
    }
}

/// What the schema says is what is read.
#[test]
fn the_schema_is_json_and_names_every_key() {
    let schema: serde_json::Value = serde_json::from_str(crate::config::SCHEMA).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut general = keys(&schema["properties"]);
    general.retain(|key| key != "projects");
    assert_eq!(general, keys(&schema["properties"]["projects"]["additionalProperties"]["properties"]));
    let all =
        r#"{"ports":[1],"denied_ports":[],"member_cidrs":["::/0"],"denied_member_cidrs":[],"max_members":1}"#;
    Config::read(all).unwrap();
    let mut written = keys(&serde_json::from_str(all).unwrap());
    written.sort();
    general.sort();
    assert_eq!(written, general);
}
