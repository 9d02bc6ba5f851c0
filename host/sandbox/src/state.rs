//! What a call's store holds: its allowance of memory and of log lines.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::ResourceLimiter;

use crate::Limits;
use crate::bindings::protocol_world::weir::plugin::log::{Host, Level};
use crate::budget::LogBudget;

/// Instances, memories and tables of one call. One with an embedded Python has 38 core instances.
const PARTS: usize = 64;

/// One call's.
pub(crate) struct State {
    plugin: Arc<str>,
    budget: Arc<LogBudget>,
    memory_left: usize,
    table_left: usize,
    log_lines_left: usize,
    log_bytes_left: usize,
    /// Whether it asked for more memory than it may have.
    pub memory_denied: bool,
    /// The last line it wrote at level error: after a panic, the panic's message.
    pub last_error: Option<String>,
}

impl State {
    pub fn new(plugin: Arc<str>, limits: &Limits, budget: Arc<LogBudget>) -> State {
        State {
            plugin,
            budget,
            memory_left: limits.memory,
            table_left: limits.table_elements,
            log_lines_left: limits.log_lines,
            log_bytes_left: limits.log_bytes,
            memory_denied: false,
            last_error: None,
        }
    }
}

impl State {
    /// Bytes of linear memory that it has got; memory never shrinks, so this is the most it had.
    pub fn memory(&self, limits: &Limits) -> usize {
        limits.memory.saturating_sub(self.memory_left)
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        match self.memory_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.memory_left = left;
                Ok(true)
            }
            // The guest is told, and may do with less.
            None => {
                self.memory_denied = true;
                Ok(false)
            }
        }
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        match self.table_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.table_left = left;
                Ok(true)
            }
            None => {
                self.memory_denied = true;
                Ok(false)
            }
        }
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String) {
        let message = clip(&message, self.log_bytes_left);
        if self.log_lines_left == 0 || message.is_empty() {
            return;
        }
        self.log_lines_left -= 1;
        self.log_bytes_left -= message.len();
        let plugin = &*self.plugin;
        if level == Level::Error {
            self.last_error = Some(message.clone());
        }
        // A line that nobody reads costs nothing.
        let read = match level {
            Level::Debug => tracing::enabled!(tracing::Level::DEBUG),
            Level::Info => tracing::enabled!(tracing::Level::INFO),
            Level::Warn | Level::Error => true,
        };
        if !read {
            return;
        }
        let Some(dropped) = self.budget.take(Instant::now()) else { return };
        if dropped > 0 {
            tracing::warn!(plugin, dropped, "the plugin logs too much; lines were dropped");
        }
        match level {
            Level::Debug => tracing::debug!(plugin, "{message}"),
            Level::Info => tracing::info!(plugin, "{message}"),
            Level::Warn => tracing::warn!(plugin, "{message}"),
            Level::Error => tracing::error!(plugin, "{message}"),
        }
        if self.log_lines_left == 0 || self.log_bytes_left == 0 {
            tracing::warn!(plugin, "the call has used up its log lines; further ones are dropped");
        }
    }
}

/// At most `bytes` of a text, cut between characters, without what would break a line-wise log.
pub(crate) fn clip(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, _) = text.split_at(end);
    kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_characters_whole_and_lines_single() {
        assert_eq!(clip("abc", 9), "abc");
        assert_eq!(clip("äöü", 3), "ä");
        assert_eq!(clip("a\nb\u{1b}[0m", 9), "a b [0m");
        assert_eq!(clip("abc", 0), "");
    }

    #[test]
    fn a_call_has_so_many_bytes_of_log() {
        let limits = Limits { log_bytes: 10, ..Limits::default() };
        let mut state = State::new("x".into(), &limits, Arc::default());
        state.write(Level::Error, "12345678".into());
        state.write(Level::Error, "12345678".into());
        assert_eq!(state.last_error.as_deref(), Some("12"));
        state.write(Level::Error, "9".into());
        assert_eq!(state.last_error.as_deref(), Some("12"));
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let limits = Limits { memory: 100, ..Limits::default() };
        let mut state = State::new("x".into(), &limits, Arc::default());
        assert!(state.memory_growing(0, 60, None).unwrap());
        assert!(!state.memory_growing(0, 60, None).unwrap());
        assert!(state.memory_denied);
        assert!(state.memory_growing(60, 100, None).unwrap());
        assert_eq!(state.memory(&limits), 100);
    }
}
