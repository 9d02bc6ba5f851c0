//! A good plugin for a protocol and an algorithm, to be spoiled in one way.

use std::cell::Cell;

use weir_guest::l4::{self, L4};
use weir_guest::*;
use weir_testkit::*;

pub const L4: L4 = L4 {
    name: "pigeon",
    version: "1.0.0",
    protocols: &["PIGEON"],
    transport: "tcp",
    fallback: false,
    monitors: &["TCP"],
};

/// A good plugin for a protocol and an algorithm, spoiled in one way.
#[derive(Default)]
pub struct Wrong {
    pub describe: Option<fn(&mut Description)>,
    pub config: Option<fn(&str) -> Result<(), Refusal>>,
    pub translate: Option<fn(&Unit, &mut Result<Translation, Refusal>)>,
    pub check_members: Option<fn(&[Member]) -> Vec<(u32, Refusal)>>,
    pub plan_monitor: Option<fn(&Monitor) -> Result<HealthCheck, Refusal>>,
    pub distribute: Option<fn(&[Member], &mut Result<Distribution, Refusal>)>,
    pub calls: Cell<u32>,
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
pub fn breaks(wrong: &Wrong, rule: &str, hint: &str) {
    let mut report = conformance(wrong, Depth::Full, "");
    report.add(properties(wrong, 7, 300, ""));
    let rules: std::collections::BTreeSet<_> = report.failures.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), [rule], "{report}");
    let finding = &report.failures[0];
    assert!(finding.hint.contains(hint), "{finding}");
    assert!(!finding.got.is_empty() && finding.to_string().contains(rule), "{finding}");
}

pub fn translating(translate: fn(&Unit, &mut Result<Translation, Refusal>)) -> Wrong {
    Wrong { translate: Some(translate), ..Wrong::default() }
}

pub fn distributing(distribute: fn(&[Member], &mut Result<Distribution, Refusal>)) -> Wrong {
    Wrong { distribute: Some(distribute), ..Wrong::default() }
}

/// The backends of an answer.
pub fn each_backend(answer: &mut Result<Translation, Refusal>) -> impl Iterator<Item = &mut Backend> {
    answer.iter_mut().flat_map(|t| &mut t.entries).flat_map(|e| &mut e.backends)
}
