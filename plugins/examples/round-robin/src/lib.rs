//! An example of an algorithm plugin that accepts a word it cannot fulfil to the letter, and says so.
//!
//! OVN cannot deal connections to members in turn: each packet is looked at by itself, on whatever node it arrives, and
//! nobody counts. What it can do is hash a connection's addresses and ports. Over many connections that is as even as
//! taking turns; over five it is not, and the same client port goes to the same member again.
//!
//! Much software asks for `ROUND_ROBIN` because it is everybody's default, and would take any even spread. For it an
//! operator loads this plugin. Nobody gets it unasked.

use serde::Deserialize;
use weir_guest::hash::{self, Hash, Hashed};
use weir_guest::{
    Algorithm, Context, Description, Distribution, Member, Plugin, Pool, Refusal, log, shares_by_weight,
};

/// A connection's own hash: both addresses, both ports.
const FIELDS: &[&str] = &["ip_dst", "ip_src", "tp_dst", "tp_src"];
const FIELDS_OF_IPV6: &[&str] = &["ipv6_dst", "ipv6_src"];

const HASH: Hash = Hash {
    name: "round-robin",
    version: env!("CARGO_PKG_VERSION"),
    // All that a configuration can make it accept: a description is the same whatever the configuration is.
    algorithms: &[
        Hashed { word: "ROUND_ROBIN", fields: FIELDS, fields_of_ipv6: FIELDS_OF_IPV6 },
        Hashed { word: "LEAST_CONNECTIONS", fields: FIELDS, fields_of_ipv6: FIELDS_OF_IPV6 },
    ],
    fallback: false,
    // Who wants to keep a client with its member does not want turns: the shipped words are for that.
    affinity: None,
};

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "description": "Words that are accepted as an even hash over a connection's addresses and ports. It is a hash: connections are not dealt in turn, and nobody counts them.",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "accept": {
      "type": "array", "minItems": 1, "uniqueItems": true,
      "items": {"enum": ["ROUND_ROBIN", "LEAST_CONNECTIONS"]},
      "default": ["ROUND_ROBIN"]
    }
  }
}"#;

/// What is said to operators, once a configuration and once a call.
const A_HASH: &str = "is an even hash over addresses and ports here: connections are not dealt in turn";

/// `ROUND_ROBIN`, and `LEAST_CONNECTIONS` where the configuration says so.
#[derive(Debug)]
pub struct RoundRobin;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "only_round_robin")]
    accept: Vec<String>,
}

fn only_round_robin() -> Vec<String> {
    vec!["ROUND_ROBIN".into()]
}

/// The words that are accepted.
fn accepted(config: &str) -> Result<Vec<String>, Refusal> {
    if config.is_empty() {
        return Ok(only_round_robin());
    }
    let wrong = |field: &str, user: String| Refusal::new("invalid-config", field, user);
    let Config { accept } =
        serde_json::from_str(config).map_err(|e| wrong("config", format!("the configuration: {e}")))?;
    if accept.is_empty() {
        return Err(wrong("config.accept", "accept is empty: leave the plugin out instead".into()));
    }
    let known = |word: &String| HASH.algorithms.iter().any(|a| a.word == word);
    match accept.iter().find(|word| !known(word)) {
        None => Ok(accept),
        Some(word) => {
            let user = format!(
                "accept has {word}, which is not this plugin's; choose ROUND_ROBIN or LEAST_CONNECTIONS"
            );
            Err(wrong("config.accept", user))
        }
    }
}

impl Plugin for RoundRobin {
    fn describe() -> Description {
        Description { config_schema: SCHEMA.into(), ..HASH.describe() }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        for word in accepted(config)? {
            log::info(&format!("{word} {A_HASH}"));
        }
        Ok(())
    }
}

impl Algorithm for RoundRobin {
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        let accepted = accepted(&ctx.config)?;
        if let Some(Pool { algorithm, .. }) = pool
            && !accepted.contains(algorithm)
        {
            let words: Vec<_> = accepted.iter().map(String::as_str).collect();
            let field = "pool.lb_algorithm";
            let refusal =
                Refusal::unsupported("unsupported-algorithm", field, "balance by", algorithm, &words);
            return Err(refusal.operator(format!(
                "plugin round-robin accepts {} by its configuration `accept`",
                words.join(", ")
            )));
        }
        if let Some(pool) = pool {
            log::debug(&format!("{} {A_HASH}", pool.algorithm));
        }
        hash::distribute(&HASH, ctx, pool, shares_by_weight(members))
    }
}

weir_guest::export_algorithm!(RoundRobin);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_guest::testing;
    use weir_plugin_algorithm::Hashing;

    /// It is what the shipped plugin makes of SOURCE_IP_PORT, under another word.
    #[test]
    fn it_spreads_as_source_ip_port_does() {
        let mut members = vec![testing::member("192.0.2.1:80"); 3];
        members[1].weight = 0;
        members[2].weight = 3;
        for vips in [&["198.51.100.1"][..], &["198.51.100.1", "2001:db8::1"], &["2001:db8::1"], &[]] {
            for fields in
                [&[][..], &["selection-field:ipv6_dst".to_owned(), "selection-field:ipv6_src".to_owned()]]
            {
                let ctx = Context { capabilities: fields.to_vec(), ..testing::context(vips) };
                let ours = RoundRobin::distribute(&ctx, Some(&testing::pool("TCP", "ROUND_ROBIN")), &members);
                let pool = testing::pool("TCP", "SOURCE_IP_PORT");
                let shipped = Hashing::distribute(&ctx, Some(&pool), &members).unwrap();
                let ours = ours.unwrap();
                assert_eq!(ours.selection_fields, shipped.selection_fields);
                let shares =
                    |d: &Distribution| d.shares.iter().map(|s| (s.member, s.copies)).collect::<Vec<_>>();
                assert_eq!(shares(&ours), shares(&shipped));
            }
        }
    }
}

// In the sandbox tests/examples asks the same of the component. Both words are accepted, so that both are tested.
#[cfg(test)]
weir_testkit::algorithm_tests!(
    RoundRobin,
    "cases",
    config = r#"{"accept":["ROUND_ROBIN","LEAST_CONNECTIONS"]}"#,
    natively
);
