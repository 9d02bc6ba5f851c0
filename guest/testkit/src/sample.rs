//! Plain questions of any size: to measure with.

use weir_guest::{shares_evenly, testing};

use crate::octavia::words;
use crate::question::{Question, Unit};

fn members(count: u16) -> Vec<weir_guest::Member> {
    (0..count).map(|n| testing::member(&format!("192.0.{}.{}:8080", n / 250, n % 250 + 1))).collect()
}

fn context(config: &str) -> weir_guest::Context {
    weir_guest::Context {
        capabilities: words().capabilities.clone(),
        config: config.to_owned(),
        ..testing::context(&["198.51.100.1"])
    }
}

/// A listener of a protocol with its pool, at one VIP, with so many members.
pub fn translate(protocol: &str, count: u16, config: &str) -> Question {
    let members = members(count);
    Question::Translate(Unit {
        context: context(config),
        listener: Some(testing::listener(protocol)),
        pool: Some(testing::pool(protocol, &words().algorithm)),
        shares: shares_evenly(&members),
        members,
    })
}

/// A pool of an algorithm with so many members.
pub fn distribute(algorithm: &str, count: u16, config: &str) -> Question {
    let pool = Some(testing::pool(&words().protocol, algorithm));
    Question::Distribute { context: context(config), pool, members: members(count) }
}
