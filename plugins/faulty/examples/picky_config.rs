//! Takes a configuration: its schema wants a colour, and it itself wants no pink. Not bad, only picky.

use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};
use weir_plugin_faulty::Asked;

struct PickyConfig;

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": { "colour": { "type": "string", "maxLength": 8 } },
    "required": ["colour"],
    "additionalProperties": false
}"#;

impl Plugin for PickyConfig {
    fn describe() -> Description {
        Description {
            name: "picky-config".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocols: vec!["picky-config".into()],
            algorithms: vec![],
            fallback: false,
            config_schema: SCHEMA.into(),
            options: vec!["affinity_timeout".into(), "skip_snat".into()],
        }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
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
        _: Option<&Pool>,
        members: &[Member],
        _: &[Share],
    ) -> Result<Translation, Refusal> {
        let mut good = Asked { ctx, listener, members }.good();
        good.options = vec![("skip_snat".into(), "true".into())];
        good.empty_reason = Some(ctx.config.clone());
        Ok(good)
    }

    fn check_members(_: &Context, _: &Pool, _: &[Member]) -> Vec<(u32, Refusal)> {
        vec![]
    }

    fn plan_monitor(_: &Context, _: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        Ok(HealthCheck {
            interval_s: monitor.delay_s,
            timeout_s: monitor.timeout_s,
            success: monitor.rise,
            failure: monitor.fall,
        })
    }
}

weir_guest::export_protocol!(PickyConfig);
