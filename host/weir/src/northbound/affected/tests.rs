//! Whatever has another answer after a change is reached by its key, over random databases and changes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::Config};
use serde_json::{Map, Value, json};
use weir_ovsdb::testing::{self, Memory};
use weir_plan::{Fingerprint, Lookup, RouterRef, Switch, Topology, fingerprint, topology::SOURCE_PORT_OWNER};

use self::dice::Dice;
use super::*;
use crate::northbound::topology::ReplicaTopology;

mod dice;

const LBS: [&str; 2] = ["10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"];
const PORTS: [&str; 3] = [
    "60000000-0000-4000-8000-000000000001",
    "60000000-0000-4000-8000-000000000002",
    "60000000-0000-4000-8000-000000000003",
];
const SUBNETS: [&str; 2] = ["70000000-0000-4000-8000-000000000001", "70000000-0000-4000-8000-000000000002"];
const NETWORKS: [&str; 3] = ["neutron-n1", "neutron-n2", "neutron-n3"];
const ADDRESSES: [&str; 3] = ["10.0.0.5", "10.0.0.6", "fd00::5"];

/// A column's value.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Text(&'static str),
    /// At most one.
    Maybe(Option<Uuid>),
    MaybeText(Option<&'static str>),
    MaybeBool(Option<bool>),
    Rows(BTreeSet<Uuid>),
    Texts(BTreeSet<&'static str>),
    Map(BTreeMap<&'static str, String>),
}

type Cells = BTreeMap<&'static str, Cell>;
type Rows = BTreeMap<(&'static str, Uuid), Cells>;

/// The n-th row of a kind.
fn row(kind: u8, n: usize) -> Uuid {
    Uuid::from_u128(u128::from(kind) << 64 | n as u128)
}

const TABLES: [(&str, &[&str]); 9] = [
    ("Logical_Switch", &["name", "ports", "load_balancer", "acls", "external_ids"]),
    (
        "Logical_Switch_Port",
        &["name", "type", "up", "options", "external_ids", "dhcpv4_options", "dhcpv6_options"],
    ),
    ("Logical_Router", &["name", "ports", "load_balancer", "nat"]),
    ("Logical_Router_Port", &["name", "networks", "external_ids", "ha_chassis_group"]),
    ("NAT", &["type", "external_ip", "logical_ip", "external_mac", "external_ids"]),
    ("DHCP_Options", &["cidr", "external_ids"]),
    ("Load_Balancer", &["name", "protocol", "vips", "external_ids", "ip_port_mappings", "health_check"]),
    ("Load_Balancer_Health_Check", &["vip", "options"]),
    ("ACL", &["direction", "match", "name", "external_ids"]),
];

fn cell(table: &str, column: &str, dice: &mut Dice) -> Cell {
    match (table, column) {
        ("Logical_Switch", "name") => Cell::Text(dice.one(&NETWORKS)),
        ("Logical_Switch", "ports") => Cell::Rows(dice.some_rows(1)),
        ("Logical_Router", "ports") => Cell::Rows(dice.some_rows(3)),
        (_, "nat") => Cell::Rows(dice.some_rows(4)),
        (_, "acls") => Cell::Rows(dice.some_rows(8)),
        ("ACL", "direction") => Cell::Text(dice.one(&["from-lport", "to-lport"])),
        ("ACL", "match") => Cell::Text(dice.one(&["ip4", "ip6"])),
        ("ACL", "name") => Cell::Text(dice.one(&["weir-10000000-0000-4000-8000-000000000001", "weir-x", ""])),
        ("ACL", "external_ids") => {
            Cell::Map(dice.map(&[(keys::LB, &[LBS[0], LBS[1], "nonsense"]), ("other", &["1", "2"])]))
        }
        (_, "load_balancer") => Cell::Rows(dice.some_rows(6)),
        ("Logical_Switch", "external_ids") => {
            Cell::Map(dice.map(&[(PROVIDER_KEY, &["physnet"]), ("other", &["1", "2"])]))
        }
        ("Logical_Switch_Port", "type") => Cell::Text(dice.one(&["", "", "virtual", "localport"])),
        (_, "up") => Cell::MaybeBool(dice.one(&[None, Some(false), Some(false), Some(true)])),
        ("Logical_Switch_Port", "name") => Cell::Text(dice.one(&PORTS)),
        ("Logical_Switch_Port", "options") => {
            Cell::Map(dice.map(&[(monitor::ROUTER_PORT, &["lrp-1", "lrp-2"])]))
        }
        ("Logical_Switch_Port", "external_ids") => {
            let sources = SUBNETS.map(|subnet| format!("{SOURCE_PORT_PREFIX}{subnet}"));
            let sources: Vec<_> = sources.iter().map(String::as_str).collect();
            Cell::Map(dice.map(&[
                (monitor::CIDRS, &["10.0.0.5/24", "10.0.0.6/24 fd00::5/64"]),
                (monitor::PORT_NAME, &sources),
                ("neutron:device_owner", &["network:router_interface", SOURCE_PORT_OWNER]),
            ]))
        }
        (_, "dhcpv4_options" | "dhcpv6_options") => {
            let to = dice.throw(3);
            Cell::Maybe((to > 0).then(|| row(5, to)))
        }
        (_, "ha_chassis_group") => Cell::Maybe((dice.throw(2) == 0).then(|| row(9, 1))),
        ("Logical_Router", "name") => Cell::Text(dice.one(&["neutron-r1", "neutron-r2"])),
        ("Logical_Router_Port", "name") => Cell::Text(dice.one(&["lrp-1", "lrp-2"])),
        (_, "networks") => Cell::Texts([dice.one(&["10.0.0.1/24", "10.1.0.1/24", "fd00::1/64"])].into()),
        ("Logical_Router_Port", "external_ids") => {
            let both = SUBNETS.join(" ");
            Cell::Map(dice.map(&[
                (monitor::NETWORK_NAME, &NETWORKS),
                (monitor::SUBNETS, &[SUBNETS[0], SUBNETS[1], &both]),
            ]))
        }
        (_, "type") => Cell::Text(dice.one(&["dnat_and_snat", "snat"])),
        (_, "external_ip") => Cell::Text(dice.one(&["172.24.4.9", "172.24.4.10"])),
        (_, "logical_ip") => Cell::Text(dice.one(&ADDRESSES)),
        ("NAT", "external_ids") => {
            let both = LBS.join(" ");
            Cell::Map(
                dice.map(&[
                    (monitor::FLOATING_IP_PORT, &PORTS),
                    (keys::CENTRALISED, &[LBS[0], LBS[1], &both]),
                ]),
            )
        }
        (_, "external_mac") => Cell::MaybeText((dice.throw(2) == 0).then_some("fa:16:3e:00:00:01")),
        (_, "cidr") => Cell::Text(dice.one(&["10.0.0.0/24", "10.1.0.0/24"])),
        ("DHCP_Options", "external_ids") => Cell::Map(dice.map(&[(monitor::DHCP_SUBNET, &SUBNETS)])),
        ("Load_Balancer", "name") => Cell::Text(dice.one(&[LBS[0], LBS[1], "somebody's"])),
        ("Load_Balancer", "external_ids") => Cell::Map(dice.map(&[
            (keys::LB, &[LBS[0], LBS[1], "nonsense"]),
            ("other", &["1", "2"]),
            (keys::VIP, &["10.0.0.5", "fd00::5"]),
            (keys::VIP_PORT, &PORTS),
            (keys::ADDITIONAL_VIPS, &["10.0.0.6", "fd00::5,10.0.0.6"]),
            (keys::DEVICE_OWNER, &["port_forwarding_plugin"]),
            ("listener_20000000-0000-4000-8000-000000000001", &["80:", "81:"]),
        ])),
        ("Load_Balancer", "protocol") => Cell::MaybeText(dice.one(&[None, Some("tcp"), Some("udp")])),
        ("Load_Balancer", "vips") => Cell::Map(dice.map(&[("10.0.0.5:80", &["10.0.0.6:80", "10.0.0.7:80"])])),
        ("Load_Balancer", "ip_port_mappings") => Cell::Map(
            dice.map(&[("10.0.0.6", &["p1:10.0.0.2", "p2:10.0.0.2"]), ("[fd00::5]", &["p3:[fd00::2]"])]),
        ),
        ("Load_Balancer", "health_check") => Cell::Rows(dice.some_rows(7)),
        (_, "vip") => Cell::Text(dice.one(&["10.0.0.5:80", "10.0.0.5:81"])),
        (_, "options") => Cell::Map(dice.map(&[("interval", &["5", "6"])])),
        other => panic!("{other:?}"),
    }
}

/// One change of one row.
fn change(rows: &mut Rows, dice: &mut Dice) {
    let kind = dice.throw(TABLES.len());
    let (table, columns) = TABLES[kind];
    let key = (table, row(u8::try_from(kind).unwrap(), dice.throw(4)));
    let all = |dice: &mut Dice| columns.iter().map(|column| (*column, cell(table, column, dice))).collect();
    match rows.get_mut(&key) {
        None => drop(rows.insert(key, all(dice))),
        Some(_) if dice.throw(5) == 0 => drop(rows.remove(&key)),
        Some(cells) => {
            let column = dice.one(columns);
            cells.insert(column, cell(table, column, dice));
        }
    }
}

fn uuids(rows: impl IntoIterator<Item = Uuid>) -> Value {
    json!(["set", rows.into_iter().map(|row| json!(["uuid", row])).collect::<Vec<_>>()])
}

fn map(pairs: &BTreeMap<&'static str, String>) -> Value {
    json!(["map", pairs.iter().collect::<Vec<_>>()])
}

fn whole(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Maybe(row) => uuids(*row),
        Cell::MaybeText(text) => json!(["set", text.iter().collect::<Vec<_>>()]),
        Cell::MaybeBool(value) => json!(["set", value.iter().collect::<Vec<_>>()]),
        Cell::Rows(rows) => uuids(rows.iter().copied()),
        Cell::Texts(texts) => json!(["set", texts]),
        Cell::Map(pairs) => map(pairs),
    }
}

/// What a server tells of a changed column.
fn difference(old: &Cell, new: &Cell) -> Value {
    match (old, new) {
        (Cell::Rows(old), Cell::Rows(new)) => uuids(old.symmetric_difference(new).copied()),
        (Cell::Texts(old), Cell::Texts(new)) => {
            json!(["set", old.symmetric_difference(new).collect::<Vec<_>>()])
        }
        (Cell::Map(old), Cell::Map(new)) => {
            let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            let differing = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
            map(&differing.map(|key| (*key, new.get(key).or(old.get(key)).unwrap().clone())).collect())
        }
        (_, new) => whole(new),
    }
}

fn told(old: &Rows, new: &Rows) -> Value {
    let mut tables: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for key @ (table, uuid) in old.keys().chain(new.keys()) {
        let body = |cells: &Cells| -> Value {
            cells.iter().map(|(column, cell)| ((*column).to_owned(), whole(cell))).collect()
        };
        let update = match (old.get(key), new.get(key)) {
            (None, Some(cells)) => json!({ "insert": body(cells) }),
            (Some(_), None) => json!({ "delete": null }),
            (Some(old), Some(new)) if old != new => {
                let columns = new.iter().filter(|(column, cell)| old.get(*column) != Some(*cell));
                let columns: Map<_, _> = columns
                    .map(|(column, cell)| ((*column).to_owned(), difference(&old[column], cell)))
                    .collect();
                json!({ "modify": columns })
            }
            _ => continue,
        };
        tables.entry(table).or_default().insert(uuid.to_string(), update);
    }
    json!(tables)
}

/// Every question about the things there are.
fn questions() -> Vec<Lookup> {
    let switches: Vec<_> = NETWORKS
        .iter()
        .flat_map(|name| {
            (0..4).map(|n| Switch { uuid: row(0, n), name: (*name).to_owned(), provider: false })
        })
        .collect();
    let cidrs: Vec<IpNet> = ["10.0.0.0/24", "fd00::/64"].map(|cidr| cidr.parse().unwrap()).to_vec();
    let mut all: Vec<_> = NETWORKS.iter().map(|name| Lookup::Switch((*name).to_owned())).collect();
    all.extend(PORTS.iter().map(|port| Lookup::Port(port.parse().unwrap())));
    all.extend(PORTS.iter().map(|port| Lookup::IsDown((*port).to_owned())));
    all.extend(SUBNETS.iter().map(|subnet| Lookup::Subnet(subnet.parse().unwrap())));
    all.extend((0..4).map(|n| Lookup::PortsOf(RouterRef { name: "neutron-r1".to_owned(), uuid: row(2, n) })));
    all.extend((0..4).flat_map(|n| {
        let router = RouterRef { name: "neutron-r1".to_owned(), uuid: row(2, n) };
        ADDRESSES.map(|address| Lookup::RouterFloatingIps(router.clone(), address.parse().unwrap()))
    }));
    all.extend(LBS.iter().map(|lb| Lookup::Acls(lb.parse().unwrap())));
    for switch in switches {
        all.push(Lookup::RouterPortsOn(switch.clone()));
        for address in ADDRESSES {
            all.push(Lookup::PortAt(switch.clone(), cidrs.clone(), address.parse().unwrap()));
        }
        for subnet in SUBNETS {
            all.push(Lookup::SourceOf(subnet.parse().unwrap(), switch.clone(), true));
        }
    }
    for (port, address) in PORTS.iter().flat_map(|port| ADDRESSES.map(|address| (port, address))) {
        all.push(Lookup::FloatingIps(port.parse().unwrap(), address.parse().unwrap()));
        all.push(Lookup::MemberFloatingIps(port.parse().unwrap(), address.parse().unwrap()));
    }
    all.extend(LBS.map(|lb| Lookup::CentralisedFor(lb.parse().unwrap())));
    for (lb, address) in LBS.iter().flat_map(|lb| ADDRESSES.map(|address| (lb, address))) {
        all.push(Lookup::VipsAt(address.parse().unwrap(), lb.parse().unwrap()));
        all.push(Lookup::ChecksOn(address.parse().unwrap(), lb.parse().unwrap()));
    }
    all
}

fn answers(memory: &Memory, questions: &[Lookup]) -> Vec<Fingerprint> {
    questions.iter().map(|question| question.answer(&ReplicaTopology(memory.replica()))).collect()
}

fn own_rows(memory: &Memory) -> Vec<(LoadBalancerId, Fingerprint)> {
    let ids = LBS.map(|lb| lb.parse().unwrap());
    ids.map(|lb| (lb, fingerprint(&rows::existing(memory.replica(), lb)))).to_vec()
}

/// As that of OVN 26.03, as far as it matters here.
fn newer_schema() -> Value {
    let mut schema = schema();
    let columns = json!({ "columns": { "protocol": { "type": "string" } } });
    schema["tables"]["Logical_Switch_Port_Health_Check"] = columns;
    schema
}

fn schema() -> Value {
    let file = testing::schema("ovn-nb").expect("ovn-nb.ovsschema: run `make setup`");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_has_another_answer_is_reached(seed in any::<u64>(), newer in any::<bool>()) {
        let mut dice = Dice(seed);
        let schema = if newer { newer_schema() } else { schema() };
        let mut memory = Memory::new(&schema, &monitor::tables("weir")).unwrap();
        let questions = questions();
        let mut rows = Rows::new();
        let mut reached = 0;
        for _ in 0..200 {
            let old = rows.clone();
            // Often one row, as when a column is set; sometimes several, as Neutron does.
            for _ in 0..dice.one(&[1, 1, 1, 2, 4]) {
                change(&mut rows, &mut dice);
            }
            let (before, before_rows) = (answers(&memory, &questions), own_rows(&memory));
            let changed = memory.update(told(&old, &rows)).unwrap();
            let found = affected(memory.replica(), &changed.rows);
            for ((question, before), after) in questions.iter().zip(before).zip(answers(&memory, &questions)) {
                if before != after {
                    reached += 1;
                    prop_assert!(found.keys.contains(&question.key()), "{question:?} after {:?}", changed.rows);
                }
            }
            for ((lb, before), (_, after)) in before_rows.into_iter().zip(own_rows(&memory)) {
                if before != after {
                    reached += 1;
                    prop_assert!(found.load_balancers.contains(&lb), "{lb} after {:?}", changed.rows);
                }
            }
        }
        prop_assert!(reached > 0, "nothing has ever changed");
    }
}

#[test]
fn what_does_not_matter_reaches_nobody() {
    let mut memory = Memory::new(&schema(), &monitor::tables("weir")).unwrap();
    let switch = row(0, 0).to_string();
    let insert = json!({ "Logical_Switch": { &switch: { "insert": { "name": NETWORKS[0] } } } });
    let inserted = memory.update(insert).unwrap();
    let found = affected(memory.replica(), &inserted.rows);
    assert_eq!(
        found.keys,
        [Key::Switch(NETWORKS[0].to_owned()), Key::RouterPortsOn(NETWORKS[0].to_owned())].into()
    );
    let note =
        json!({ "Logical_Switch": { &switch: { "modify": { "external_ids": ["map", [["note", "1"]]] } } } });
    let changed = memory.update(note).unwrap();
    assert_eq!(affected(memory.replica(), &changed.rows), Affected::default());
}

#[test]
fn changed_port_state_reaches_that_ports_lookup_only() {
    let mut memory = Memory::new(&schema(), &monitor::tables("weir")).unwrap();
    let [port, router] = [0, 1].map(|n| row(1, n).to_string());
    let insert = |name: &str, kind: &str| {
        json!({ "insert": { "name": name, "type": kind, "options": ["map", [[monitor::ROUTER_PORT, "lrp-1"]]],
            "external_ids": ["map", [[monitor::CIDRS, "10.0.0.5/24"]]], "dhcpv4_options": ["uuid", row(5, 0).to_string()] } })
    };
    let rows = json!({ &port: insert(PORTS[0], ""), &router: insert(PORTS[1], "router") });
    memory.update(json!({ "Logical_Switch_Port": rows })).unwrap();
    let down = |memory: &Memory, port: &str| ReplicaTopology(memory.replica()).is_down(port);
    assert!(!down(&memory, PORTS[0]), "OVN says nothing");
    for (up, is_down) in [(json!(false), true), (json!(true), false), (json!(["set", []]), false)] {
        let modify = json!({ "modify": { "up": up } });
        let update = json!({ "Logical_Switch_Port": { &port: modify, &router: modify } });
        let changed = memory.update(update).unwrap();
        let keys = [PORTS[0], PORTS[1]].map(|port| Key::PortState(port.to_owned()));
        assert_eq!(affected(memory.replica(), &changed.rows).keys, keys.into());
        assert_eq!((down(&memory, PORTS[0]), down(&memory, PORTS[1])), (is_down, false));
    }
}

#[test]
fn probes_come_from_a_router_where_the_schema_says_that_it_may_be() {
    let subnet = SUBNETS[0];
    let (router, port, peer, source) =
        (row(2, 0).to_string(), row(3, 0).to_string(), row(1, 0).to_string(), row(1, 1).to_string());
    let rows = json!({
        "Logical_Switch": { row(0, 0).to_string(): { "insert": {
            "name": NETWORKS[0], "ports": ["set", [["uuid", &peer], ["uuid", &source]]] } } },
        "Logical_Switch_Port": {
            &peer: { "insert": { "name": PORTS[0], "options": ["map", [[monitor::ROUTER_PORT, "lrp-1"]]],
                "external_ids": ["map", [["neutron:device_owner", "network:router_interface"]]] } },
            &source: { "insert": { "name": PORTS[1], "external_ids": ["map", [
                [monitor::PORT_NAME, format!("{SOURCE_PORT_PREFIX}{subnet}")], [monitor::CIDRS, "10.0.0.6/24"]]] } },
        },
        "Logical_Router": { &router: { "insert": { "name": "neutron-r1", "ports": ["uuid", &port] } } },
        "Logical_Router_Port": { &port: { "insert": { "name": "lrp-1", "networks": "10.0.0.1/24", "external_ids": ["map", [
            [monitor::NETWORK_NAME, NETWORKS[0]], [monitor::SUBNETS, subnet]]] } } },
    });
    let switch = Switch { uuid: row(0, 0), name: NETWORKS[0].to_owned(), provider: false };
    for (schema, wanted) in [(schema(), "10.0.0.6"), (newer_schema(), "10.0.0.1")] {
        let mut memory = Memory::new(&schema, &monitor::tables("weir")).unwrap();
        memory.update(rows.clone()).unwrap();
        let topology = ReplicaTopology(memory.replica());
        let found = topology.source_of(subnet.parse().unwrap(), &switch, true);
        assert_eq!(found, Some(wanted.parse().unwrap()));
        assert_eq!(topology.source_of(subnet.parse().unwrap(), &switch, false), None, "no IPv6 there");
    }
}
