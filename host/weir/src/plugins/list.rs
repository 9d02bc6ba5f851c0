//! The plugins for people and for Prometheus.

use std::{fmt::Write, time::Instant};

use serde_json::{Value, json};
use weir_sandbox::{Plugin, Registry};

/// The plugins of a set, as `GET /v1/plugins` shows them.
pub fn view(registry: &Registry) -> Vec<Value> {
    registry.plugins().map(one).collect()
}

fn one(plugin: &Plugin) -> Value {
    let stats = plugin.stats();
    let settings = plugin.settings();
    let limits = plugin.limits();
    let suspended = plugin.suspended();
    let seconds = |at: Instant| at.saturating_duration_since(Instant::now()).as_secs_f64();
    json!({
        "name": plugin.name(),
        "version": plugin.version(),
        "digest": format!("sha256:{}", plugin.digest()),
        "file": if plugin.is_shipped() { Value::Null } else { plugin.label().into() },
        "shipped": plugin.is_shipped(),
        "signed": plugin.is_signed(),
        "protocols": plugin.protocols(),
        "algorithms": plugin.algorithms(),
        "fallback": plugin.description().fallback,
        "options": plugin.options(),
        "priority": settings.priority,
        "on_failure": settings.on_failure.word(),
        "config": serde_json::from_str::<Value>(plugin.config()).unwrap_or(Value::Null),
        "limits": {
            "fuel": limits.fuel,
            "deadline_ms": limits.deadline.as_millis() as u64,
            "memory": limits.memory,
            "output_bytes": limits.output_bytes,
        },
        "state": if suspended.is_some() { "suspended" } else { "loaded" },
        "suspended": suspended.as_ref().map(|suspended| json!({
            "reason": suspended.reason,
            "seconds": suspended.since.elapsed().as_secs_f64(),
            "next_try_in_seconds": seconds(suspended.until),
        })),
        "last_error": stats.last_error,
        "calls": stats.calls,
        "refusals": stats.refusals,
        "failures": stats.failures,
        "failures_by_code": stats.failures_by_code,
        "turned_away": stats.turned_away,
        "p50_seconds": stats.p50.as_secs_f64(),
        "p99_seconds": stats.p99.as_secs_f64(),
        "fuel_max": stats.fuel_max,
        "memory_max_bytes": stats.memory_max,
        "log_lines_dropped": stats.log_lines_dropped,
    })
}

/// A figure of a plugin's calls.
type Figure = fn(&weir_sandbox::Stats) -> f64;

/// The plugins' metrics in OpenMetrics text. Counters begin anew with each set.
pub fn metrics(registry: &Registry, out: &mut String) {
    let plugins: Vec<_> = registry
        .plugins()
        .map(|plugin| (plugin.name(), plugin.stats(), plugin.suspended().is_some()))
        .collect();
    let mut family = |name: &str, kind: &str, help: &str, lines: &dyn Fn(&mut String)| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "# HELP weir_plugin_{name} {help}.\n# TYPE weir_plugin_{name} {kind}");
        lines(out);
    };
    let each = |out: &mut String, line: &dyn Fn(&mut String, &str, usize)| {
        for (index, (plugin, ..)) in plugins.iter().enumerate() {
            line(out, plugin, index);
        }
    };
    let stats = |index: usize| plugins.get(index).map(|(_, stats, _)| stats.clone()).unwrap_or_default();
    family("calls", "counter", "Calls by outcome", &|out| {
        each(out, &|out, plugin, index| {
            let stats = stats(index);
            let answered = stats.calls.saturating_sub(stats.refusals + stats.failures);
            for (outcome, count) in [
                ("answered", answered),
                ("refused", stats.refusals),
                ("failed", stats.failures),
                ("turned-away", stats.turned_away),
            ] {
                let _ = writeln!(
                    out,
                    "weir_plugin_calls_total{{plugin=\"{plugin}\",outcome=\"{outcome}\"}} {count}"
                );
            }
        });
    });
    family("failures", "counter", "Failed calls by code", &|out| {
        each(out, &|out, plugin, index| {
            for (code, count) in stats(index).failures_by_code {
                let _ = writeln!(
                    out,
                    "weir_plugin_failures_total{{plugin=\"{plugin}\",code=\"{code}\"}} {count}"
                );
            }
        });
    });
    family("call_seconds", "summary", "Time of a call, instantiation and checks included", &|out| {
        each(out, &|out, plugin, index| {
            let stats = stats(index);
            for (quantile, value) in [("0.5", stats.p50), ("0.99", stats.p99)] {
                let value = value.as_secs_f64();
                let _ = writeln!(
                    out,
                    "weir_plugin_call_seconds{{plugin=\"{plugin}\",quantile=\"{quantile}\"}} {value}"
                );
            }
            let (sum, count) = (stats.seconds, stats.calls);
            let _ = writeln!(out, "weir_plugin_call_seconds_sum{{plugin=\"{plugin}\"}} {sum}");
            let _ = writeln!(out, "weir_plugin_call_seconds_count{{plugin=\"{plugin}\"}} {count}");
        });
    });
    let gauges: [(&str, &str, Figure); 3] = [
        ("fuel_max", "Most fuel that one call used", |stats| stats.fuel_max as f64),
        ("memory_max_bytes", "Most linear memory that one call used", |stats| stats.memory_max as f64),
        ("log_lines_dropped", "Log lines dropped so far", |stats| stats.log_lines_dropped as f64),
    ];
    for (name, help, value) in gauges {
        family(name, "gauge", help, &|out| {
            each(out, &|out, plugin, index| {
                let value = value(&stats(index));
                let _ = writeln!(out, "weir_plugin_{name}{{plugin=\"{plugin}\"}} {value}");
            });
        });
    }
    family("fuel", "counter", "Fuel that all calls used", &|out| {
        each(out, &|out, plugin, index| {
            let fuel = stats(index).fuel;
            let _ = writeln!(out, "weir_plugin_fuel_total{{plugin=\"{plugin}\"}} {fuel}");
        });
    });
    family("suspended", "gauge", "1 while the plugin is out of use", &|out| {
        for (plugin, _, suspended) in &plugins {
            let value = u8::from(*suspended);
            let _ = writeln!(out, "weir_plugin_suspended{{plugin=\"{plugin}\"}} {value}");
        }
    });
}
