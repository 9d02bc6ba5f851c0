//! A private OVN, a running `weir`, and a client of its API, for tests. Rows are read back with OVN's own tools, never
//! through Weir. Everything is stopped and removed on drop, also when a test panics.
// Test support: a test is meant to stop where a step of it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod agent;
pub mod host;
pub mod http;
pub mod northbound;
pub mod objects;
pub mod proxy;
pub mod southbound;

pub use agent::Agent;
pub use host::Host;
pub use http::{Answer, Client};
pub use northbound::Northbound;
pub use southbound::Southbound;

use std::time::{Duration, Instant};

/// Waits until `check` gives something, with a limit far beyond what it takes.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
