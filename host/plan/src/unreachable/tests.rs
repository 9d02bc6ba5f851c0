use std::collections::BTreeMap;

use uuid::Uuid;
use weir_model::Health::{self, LastOffline, NoPort, Offline, Online, PortDown, Unknown};

use super::*;
use crate::row::LoadBalancerRow;

const VIP: &str = "10.0.0.1:80";

fn member(n: usize) -> MemberId {
    Uuid::from_u128(n as u128).into()
}

/// What is written of members in these states, in order; `now` is what the row has, numbers separated by commas.
fn written_of(states: &[Health], checked: bool, now: &str) -> Option<String> {
    let backends: Vec<_> =
        (0..states.len()).map(|n| Backend { socket: n.to_string(), member: member(n) }).collect();
    let health = states.iter().enumerate().map(|(n, health)| (member(n), *health)).collect();
    let row = |protocol: &str, backends: &str| Existing {
        row: LoadBalancerRow {
            uuid: Uuid::nil(),
            name: String::new(),
            protocol: Some(protocol.to_owned()),
            vips: BTreeMap::from([(VIP.to_owned(), backends.to_owned())]),
            selection_fields: BTreeSet::new(),
            options: BTreeMap::new(),
            external_ids: BTreeMap::new(),
            ip_port_mappings: BTreeMap::new(),
            health_checks: Vec::new(),
        },
        attached: Default::default(),
    };
    let existing = [row("udp", "0"), row("tcp", now)];
    reachable(&backends, &EntryState { vip: VIP, transport: "tcp", checked }, &health, &existing)
}

#[test]
fn member_whose_port_is_down_is_left_out() {
    assert_eq!(written_of(&[PortDown, Online, Unknown], true, "0,1,2").as_deref(), Some("1,2"));
    assert_eq!(
        written_of(&[PortDown, Offline], true, "0,1").as_deref(),
        Some("1"),
        "OVN leaves out the other"
    );
    assert_eq!(written_of(&[Online, Unknown, Offline, NoPort], true, "0,1,2,3"), None);
}

#[test]
fn entry_with_all_ports_down_stays() {
    assert_eq!(written_of(&[PortDown, PortDown], true, "0,1"), None);
    assert_eq!(written_of(&[PortDown, PortDown], true, "1").as_deref(), Some("1"), "one was down before");
    assert_eq!(written_of(&[PortDown, PortDown], true, "7"), None, "other members");
    assert_eq!(written_of(&[PortDown, PortDown, NoPort], true, "1").as_deref(), Some("1,2"));
}

#[test]
fn dead_member_without_check_is_left_out() {
    assert_eq!(written_of(&[Offline, Online], false, "0,1").as_deref(), Some("1"));
    assert_eq!(written_of(&[LastOffline, Unknown], false, "1").as_deref(), Some("1"));
    assert_eq!(written_of(&[LastOffline, LastOffline], false, "1").as_deref(), Some("1"));
}

#[test]
fn dead_member_with_check_stays_as_written() {
    assert_eq!(written_of(&[LastOffline, Online], true, "0,1"), None);
    assert_eq!(written_of(&[LastOffline, Online], true, "1").as_deref(), Some("1"));
}
