//! What one call may use.

use std::time::Duration;

/// What one call may use, and what a plugin may be. Every field has a default that leaves a plugin in a
/// compiled language a hundredfold of what it needs; an interpreted one needs more fuel and memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Fuel of one call, about one unit a WebAssembly instruction: the deterministic limit. Default 100 million,
    /// about 0.1 s; a translation of 1000 members takes about 1 million.
    pub fuel: u64,
    /// Wall-clock time of one call: the backstop for what fuel does not see. Default 250 ms, inside the 300 ms
    /// in which a provider call is answered. Exact to two ticks of 5 ms.
    pub deadline: Duration,
    /// Linear memory of one call in bytes, all memories together. Default 16 MiB.
    pub memory: usize,
    /// Elements of one call's tables. Default 20,000.
    pub table_elements: usize,
    /// Items of one answer: entries, backends (each as often as it is repeated), options, fields, shares,
    /// refusals. Default 100,000.
    pub output_items: usize,
    /// Bytes that a plugin hands over in one answer or one log line. Default 4 MiB.
    pub output_bytes: usize,
    /// Log lines of one call; the rest is counted and dropped. Default 32.
    pub log_lines: usize,
    /// Bytes of log lines of one call; the rest is cut. Default 8 KiB.
    pub log_bytes: usize,
    /// Size of a component in bytes: compiling is not bounded by anything else. Default 64 MiB.
    pub component_bytes: usize,
    /// Calls at the same time; more wait. Default 32.
    pub concurrent_calls: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            fuel: 100_000_000,
            deadline: Duration::from_millis(250),
            memory: 16 << 20,
            table_elements: 20_000,
            output_items: 100_000,
            output_bytes: 4 << 20,
            log_lines: 32,
            log_bytes: 8 << 10,
            component_bytes: 64 << 20,
            concurrent_calls: 32,
        }
    }
}
