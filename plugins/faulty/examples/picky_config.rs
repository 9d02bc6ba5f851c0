//! Takes a configuration: its schema wants a colour, and it itself wants no pink. Not bad, only picky.

use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct PickyConfig;

const NAME: &str = "picky-config";

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": { "colour": { "type": "string", "maxLength": 8 } },
    "required": ["colour"],
    "additionalProperties": false
}"#;

impl Plugin for PickyConfig {
    fn describe() -> Description {
        Description {
            name: NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocols: vec![NAME.into()],
            algorithms: vec![],
            fallback: false,
            config_schema: SCHEMA.into(),
            options: vec!["affinity_timeout".into(), "skip_snat".into()],
        }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        if !(config.is_empty() || config.starts_with('{') && config.ends_with('}')) {
            return Err(Refusal::new("bad-config", "config", "the configuration is no JSON object"));
        }
        if config.contains("pink") {
            return Err(Refusal::new(
                "bad-colour",
                "config.colour",
                "pink does not go with it; choose another",
            ));
        }
        Ok(())
    }
}

impl Protocol for PickyConfig {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        let mut good = Asked { ctx, listener, pool, members, shares }.good(&[NAME])?;
        good.options = vec![("skip_snat".into(), "true".into())];
        good.empty_reason = Some(ctx.config.clone());
        Ok(good)
    }

    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        Faulty::<Good>::check_members(ctx, pool, members)
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        Faulty::<Good>::plan_monitor(ctx, pool, monitor)
    }
}

struct Good;

impl Fault for Good {
    const NAME: &'static str = NAME;

    fn translate(_: &Asked<'_>, good: Translation) -> Result<Translation, Refusal> {
        Ok(good)
    }
}

weir_guest::export_protocol!(PickyConfig);
