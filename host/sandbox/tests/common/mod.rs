//! What the tests share: a sandbox, and something to ask.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use weir_sandbox::*;

/// Limits that only a runaway reaches, however busy the machine is.
pub fn limits() -> Limits {
    Limits { deadline: Duration::from_secs(60), ..Limits::default() }
}

pub fn sandbox() -> Sandbox {
    Sandbox::new(limits(), None).unwrap()
}

pub fn context(vips: &[(&str, Family)]) -> Context {
    Context {
        capabilities: vec![],
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: vips
            .iter()
            .map(|(address, family)| Vip { address: (*address).into(), family: *family, floating: false })
            .collect(),
        extra: vec![],
    }
}

pub fn listener(protocol: &str) -> Listener {
    Listener { protocol: protocol.into(), port: 80, enabled: true, allowed_cidrs: vec![], extra: vec![] }
}

pub fn pool(protocol: &str, algorithm: &str) -> Pool {
    Pool {
        protocol: protocol.into(),
        algorithm: algorithm.into(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

pub fn member(last: u8) -> Member {
    Member {
        address: format!("192.0.2.{last}"),
        family: Family::Ipv4,
        port: 8080,
        weight: 1,
        backup: false,
        enabled: true,
        health: Health::Unknown,
        extra: vec![],
    }
}

/// Ten members, and a share for each.
pub fn ten() -> (Vec<Member>, Vec<Share>) {
    ((1..=10).map(member).collect(), (0..10).map(|member| Share { member, copies: 1 }).collect())
}
