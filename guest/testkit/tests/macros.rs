//! The macros make tests: of a plugin that goes nowhere without a configuration.

use weir_guest::*;

struct Roof;

impl Plugin for Roof {
    fn describe() -> Description {
        Description {
            config_schema: r#"{"type": "object", "required": ["room"]}"#.into(),
            ..Description::of_algorithms("roof", "1.0.0", &["ROOF"])
        }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        room(config).map(drop)
    }
}

fn room(config: &str) -> Result<u16, Refusal> {
    let room = config.strip_prefix("{\"room\":").and_then(|rest| rest.strip_suffix('}'));
    room.and_then(|number| number.parse().ok())
        .ok_or_else(|| Refusal::new("no-room", "config", "the configuration must say how much room there is"))
}

impl Algorithm for Roof {
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        let copies = room(&ctx.config)?;
        if let Some(pool) = pool {
            if pool.algorithm != "ROOF" {
                let (field, asked) = ("pool.lb_algorithm", &pool.algorithm);
                return Err(Refusal::unsupported(
                    "unsupported-algorithm",
                    field,
                    "balance by",
                    asked,
                    &["ROOF"],
                ));
            }
            if pool.persistence.is_some() {
                let user = "pigeons do not come back to the same roof; leave session_persistence out";
                return Err(Refusal::new("unsupported-persistence", "pool.session_persistence", user));
            }
        }
        let shares = usable(members).map(|(member, _)| Share { member, copies }).collect();
        Ok(Distribution { selection_fields: vec![], options: vec![], shares })
    }
}

weir_testkit::algorithm_tests!(Roof, "tests/cases", config = "{\"room\":2}", natively);
