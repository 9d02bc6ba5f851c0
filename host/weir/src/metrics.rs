//! Metrics, in OpenMetrics text. Names follow `weir_<what>_<unit>`; labels have few values, and no error text is one.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use weir_journal::JournalStatus;
use weir_octavia::{Condition, agent::BacklogStatus};

use crate::plugins::{self, Counts};

/// Labels of a provider call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    method: &'static str,
    outcome: &'static str,
}

/// What the committer counts.
#[derive(Clone)]
pub struct Transactions {
    /// Transactions sent.
    pub sent: Counter,
    /// Load balancers' changes in them.
    pub changes: Counter,
    /// Transactions that were not committed.
    pub failed: Counter,
    /// Times that the replica was read anew because a guard had proven it wrong.
    pub rereads: Counter,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    seconds: Histogram,
    /// For the committer.
    pub transactions: Transactions,
    /// For the statuses.
    pub deliveries: Deliveries,
    /// Looks at load balancers that nobody has called for.
    pub looks: Counter,
    /// The same where nothing had to be planned.
    pub looks_in_vain: Counter,
    /// Times that an older Northbound was found.
    pub restored: Counter,
    /// Load balancers put right without a call.
    pub repairs: Counter,
    /// The same that could not be done.
    pub repairs_failed: Counter,
}

/// What is counted of messages to the driver-agent.
#[derive(Clone, Default)]
pub struct Deliveries {
    /// Messages that the agent took.
    pub messages: Counter,
    /// Messages that failed, wholly or in part.
    pub failed: Counter,
    /// Created objects that Octavia never came to know.
    pub unknown: Counter,
}

/// What is read off when the metrics are asked for.
pub struct Gauges {
    /// The Northbound connection is up and synchronised.
    pub connected: bool,
    /// Connections lost since the start.
    pub reconnects: u64,
    /// Changes that wait.
    pub pending: usize,
    /// Changes that are tried for too long.
    pub stuck: usize,
    /// Rows of `Load_Balancer` in the replica.
    pub load_balancer_rows: usize,
    /// The journal.
    pub journal: JournalStatus,
    /// Statuses on their way to Octavia.
    pub statuses: BacklogStatus,
    /// Since the start.
    pub uptime: Duration,
    /// What became of other sets of plugins.
    pub reloads: Counts,
    /// What the plugin folder holds is in use.
    pub plugins_current: bool,
    /// Load balancers that a failing plugin leaves as they are.
    pub unsettled: usize,
    /// This host does the work that nobody has called for.
    pub lock_held: bool,
    /// Load balancers that are to be looked at, or are being.
    pub dirty: usize,
    /// Load balancers that are not as they should be, while that is only reported.
    pub drifted: usize,
    /// Deletions of ports in Neutron that are not done yet.
    pub port_cleanups: usize,
    /// Subnets whose source port of health checks is not made yet.
    pub source_ports: usize,
    /// Load balancers that are paused one by one.
    pub paused: usize,
    /// Load balancers that Octavia has in `PENDING_*` for too long.
    pub stuck_in_octavia: usize,
    /// All are paused.
    pub all_paused: bool,
    /// The plugins in use.
    pub registry: Arc<weir_sandbox::Registry>,
    /// Load balancers by code of a finding.
    pub findings: BTreeMap<Cow<'static, str>, usize>,
    /// The conditions of `/readyz`.
    pub conditions: Vec<Condition>,
}

impl Default for Metrics {
    /// Registers everything.
    fn default() -> Self {
        let mut registry = Registry::with_prefix("weir");
        let calls = Family::<CallLabels, Counter>::default();
        let buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];
        let seconds = Histogram::new(buckets);
        let transactions = Transactions {
            sent: Counter::default(),
            changes: Counter::default(),
            failed: Counter::default(),
            rereads: Counter::default(),
        };
        registry.register("provider_calls", "Provider calls by method and outcome", calls.clone());
        registry.register("provider_call_seconds", "Time to answer a provider call", seconds.clone());
        registry.register("transactions", "Northbound transactions sent", transactions.sent.clone());
        registry.register(
            "transaction_changes",
            "Load balancers in those transactions",
            transactions.changes.clone(),
        );
        registry.register("transactions_failed", "Transactions not committed", transactions.failed.clone());
        registry.register(
            "northbound_rereads",
            "Times that the replica lacked an edit and was read anew",
            transactions.rereads.clone(),
        );
        let deliveries = Deliveries::default();
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        counter("status_messages", "Status messages that the driver-agent took", &deliveries.messages);
        counter("status_messages_failed", "Status messages that failed", &deliveries.failed);
        counter("objects_unknown", "Created objects that Octavia never came to know", &deliveries.unknown);
        let (repairs, repairs_failed) = (Counter::default(), Counter::default());
        let restored = Counter::default();
        counter(
            "northbound_restored",
            "Times that the Northbound held an older state than before",
            &restored,
        );
        let (looks, looks_in_vain) = (Counter::default(), Counter::default());
        counter("looks", "Looks at load balancers that nobody has called for", &looks);
        counter("looks_in_vain", "Those where nothing had to be planned", &looks_in_vain);
        counter("repairs", "Load balancers put right without a call", &repairs);
        counter("repairs_failed", "Repairs that could not be done", &repairs_failed);
        Self {
            registry,
            calls,
            seconds,
            transactions,
            deliveries,
            looks,
            looks_in_vain,
            restored,
            repairs,
            repairs_failed,
        }
    }
}

impl Metrics {
    /// Starts the clock of a call.
    pub fn call(&self, method: &'static str) -> CallTimer<'_> {
        CallTimer { metrics: self, method, start: Instant::now() }
    }

    /// The metrics as text, ending in `# EOF`.
    pub fn text(&self, gauges: &Gauges) -> String {
        let mut counted = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut counted, &self.registry);
        let mut out = counted.trim_end().trim_end_matches("# EOF").to_owned();
        let mut gauge = |name: &str, help: &str, value: f64| {
            let _ =
                writeln!(out, "# HELP weir_{name} {help}.\n# TYPE weir_{name} gauge\nweir_{name} {value}");
        };
        gauge(
            "northbound_connected",
            "1 while synchronised with the Northbound",
            f64::from(u8::from(gauges.connected)),
        );
        gauge(
            "northbound_reconnects",
            "Northbound connections lost since the start",
            gauges.reconnects as f64,
        );
        gauge("changes_pending", "Accepted changes not yet in the Northbound", gauges.pending as f64);
        gauge("changes_stuck", "Changes that are tried for a minute or more", gauges.stuck as f64);
        gauge("load_balancer_rows", "Rows of Load_Balancer in the replica", gauges.load_balancer_rows as f64);
        let JournalStatus { writable, bytes, .. } = gauges.journal;
        gauge("journal_writable", "1 while changes can be written down", f64::from(u8::from(writable)));
        gauge("journal_bytes", "Bytes of the journal's entries", bytes as f64);
        let oldest = gauges.statuses.oldest_age.unwrap_or_default().as_secs_f64();
        gauge("statuses_waiting", "Objects with a status not yet delivered", gauges.statuses.waiting as f64);
        gauge("statuses_oldest_seconds", "How long the oldest of them waits", oldest);
        let lock_held = f64::from(u8::from(gauges.lock_held));
        gauge(
            "background_lock_held",
            "1 while this host does the work that nobody has called for",
            lock_held,
        );
        gauge(
            "load_balancers_dirty",
            "Load balancers that are to be looked at, or are being",
            gauges.dirty as f64,
        );
        gauge("load_balancers_drifted", "Load balancers that repair would change", gauges.drifted as f64);
        gauge(
            "port_cleanups_pending",
            "Deletions of ports in Neutron that are not done yet",
            gauges.port_cleanups as f64,
        );
        gauge(
            "source_ports_pending",
            "Subnets whose source port of health checks is not made yet",
            gauges.source_ports as f64,
        );
        gauge("load_balancers_paused", "Load balancers that are paused one by one", gauges.paused as f64);
        gauge(
            "load_balancers_stuck",
            "Load balancers that Octavia has had in PENDING_* for too long",
            gauges.stuck_in_octavia as f64,
        );
        gauge("all_paused", "1 while all load balancers are paused", f64::from(u8::from(gauges.all_paused)));
        gauge("uptime_seconds", "Seconds since the start", gauges.uptime.as_secs_f64());
        let current = f64::from(u8::from(gauges.plugins_current));
        gauge("plugins_current", "1 while what the plugin folder holds is in use", current);
        gauge(
            "plugins_unsettled",
            "Load balancers that a failing plugin leaves as they are",
            gauges.unsettled as f64,
        );
        let Counts { swapped, refused, waited } = gauges.reloads;
        // Writing to a String does not fail.
        let _ = writeln!(out, "# HELP weir_plugin_reloads Other sets of plugins by outcome.");
        let _ = writeln!(out, "# TYPE weir_plugin_reloads counter");
        for (outcome, count) in [("swapped", swapped), ("refused", refused), ("waited", waited)] {
            let _ = writeln!(out, "weir_plugin_reloads_total{{outcome=\"{outcome}\"}} {count}");
        }
        labelled(&mut out, gauges);
        plugins::metrics(&gauges.registry, &mut out);
        out.push_str("# EOF\n");
        out
    }
}

/// Gauges with a label.
fn labelled(out: &mut String, gauges: &Gauges) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "# HELP weir_condition 1 while the condition of /readyz is true.");
    let _ = writeln!(out, "# TYPE weir_condition gauge");
    for Condition { name, ok, .. } in &gauges.conditions {
        let _ = writeln!(out, "weir_condition{{name=\"{name}\"}} {}", u8::from(*ok));
    }
    let _ = writeln!(out, "# HELP weir_findings Load balancers with a finding by code.");
    let _ = writeln!(out, "# TYPE weir_findings gauge");
    for (code, count) in &gauges.findings {
        let _ = writeln!(out, "weir_findings{{code=\"{code}\"}} {count}");
    }
}

/// A running call.
pub struct CallTimer<'m> {
    metrics: &'m Metrics,
    method: &'static str,
    start: Instant,
}

impl CallTimer<'_> {
    /// Counts the call.
    pub fn done(self, outcome: &'static str) {
        self.metrics.calls.get_or_create(&CallLabels { method: self.method, outcome }).inc();
        self.metrics.seconds.observe(self.start.elapsed().as_secs_f64());
    }
}
