//! An in-memory Northbound, a small network and plugins with made-up words.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use uuid::Uuid;
use weir_model::*;
use weir_plan::*;

pub mod floating_ips;
mod net;

pub use net::*;

pub const LB: &str = "10000000-0000-4000-8000-000000000001";
pub const PUBLIC: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub const PUBLIC_SUBNET: &str = "aaaaaaaa-0000-4000-8000-000000000002";
pub const PRIVATE: &str = "bbbbbbbb-0000-4000-8000-000000000001";
pub const PRIVATE_SUBNET: &str = "bbbbbbbb-0000-4000-8000-000000000002";
pub const PRIVATE_SUBNET6: &str = "bbbbbbbb-0000-4000-8000-000000000003";
pub const ROUTER: &str = "cccccccc-0000-4000-8000-000000000001";

pub fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// Ids that differ by kind and number.
pub fn numbered<T: From<Uuid>>(kind: u8, n: u32) -> T {
    Uuid::from_u128((u128::from(kind) << 120) | (0x4000_8000u128 << 48) | u128::from(n)).into()
}

pub fn capabilities() -> Capabilities {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Capabilities {
        protocols: set(&["alpha", "beta"]),
        selection_fields: set(&["f1", "f2"]),
        missing_options: BTreeMap::new(),
        redirects_backends: true,
    }
}

pub fn words() -> Words {
    let fields = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Words {
        default_algorithm: "ONE".into(),
        algorithms: vec![("ONE".into(), fields(&["f1", "f2"])), ("TWO".into(), fields(&["f1"]))],
        affinity: Some(Affinity { kind: "STICK".into(), option: "sticky".into(), default: "9".into() }),
        options: BTreeSet::from(["sticky".to_owned()]),
        built_in_options: BTreeSet::from(["sticky".to_owned()]),
        defaults: BTreeMap::new(),
    }
}

pub fn ownership() -> Ownership {
    Ownership {
        deployment: "weir".into(),
        adopt: Adopt::None,
        member_floating_ips: MemberFloatingIps::Central,
    }
}

/// What made-up plugins say: ALPHA and GAMMA go over alpha, BETA over beta; ONE and TWO hash; `STICK` sticks. The word
/// `BROKEN` makes a plugin fail.
pub fn translate(lb: &LoadBalancer, fronts: &[Front]) -> Translations {
    let problem = |word: &str| Problem {
        code: "broken".into(),
        user: format!("{word} does not work"),
        operator: String::new(),
        refused: false,
        keep: false,
    };
    let mut out = Translations::default();
    let distribute = |pool: Option<&Pool>| -> Result<Distribution, Problem> {
        let algorithm = pool.map_or("ONE", |pool| pool.algorithm.as_str());
        let fields: &[&str] = match algorithm {
            "ONE" => &["f1", "f2"],
            "TWO" => &["f1"],
            other => return Err(problem(other)),
        };
        let persistence = pool.and_then(|pool| pool.persistence.as_ref());
        Ok(Distribution {
            selection_fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            options: persistence
                .map(|p| ("sticky".to_owned(), p.timeout.unwrap_or(9).to_string()))
                .into_iter()
                .collect(),
            shares: Vec::new(),
            plugin: None,
        })
    };
    out.distributions.insert(None, distribute(None));
    for pool in lb.pools.values() {
        out.distributions.insert(Some(pool.id), distribute(Some(pool)));
        if let Some(monitor) = &pool.monitor {
            let numbers = HealthCheck {
                interval: monitor.delay,
                timeout: monitor.timeout,
                success: monitor.rise,
                failure: monitor.fall,
            };
            let answer = if monitor.kind == "BROKEN" { Err(problem("BROKEN")) } else { Ok(numbers) };
            out.checks.insert(pool.id, answer);
        }
    }
    for unit in units(lb) {
        let word = unit.listener.map(|l| l.protocol.as_str()).or(unit.pool.map(|p| p.protocol.as_str()));
        let transport = match word.unwrap_or("ALPHA") {
            "ALPHA" | "GAMMA" => "alpha",
            "BETA" => "beta",
            other => {
                out.units.insert(unit.key, Err(problem(other)));
                continue;
            }
        };
        let mut entries = Vec::new();
        if let (Some(listener), Some(pool)) = (unit.listener, unit.pool)
            && listener.admin_state_up
            && pool.admin_state_up
        {
            for (vip, address) in fronts.iter().enumerate() {
                let usable = pool.members.values().enumerate().filter(|(_, m)| {
                    m.admin_state_up && m.weight > 0 && m.address.is_ipv4() == address.address.is_ipv4()
                });
                let backends =
                    usable.map(|(i, m)| Backend { member: i as u32, port: m.port, copies: 1 }).collect();
                entries.push(Entry { vip: vip as u32, port: listener.port, backends });
            }
        }
        let translation = Translation { transport: transport.into(), entries, ..Translation::default() };
        out.units.insert(unit.key, Ok(translation));
    }
    out
}

/// Rows by uuid, and who is attached where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Northbound {
    /// What the network says of members.
    pub health: HealthMap,
    pub rows: BTreeMap<Uuid, LoadBalancerRow>,
    pub attached: BTreeSet<(Holder, Uuid)>,
    pub acls: BTreeSet<ExistingAcl>,
    /// Subnets whose source port is gone.
    pub sourceless: BTreeSet<SubnetId>,
    /// Addresses that no port has.
    pub portless: BTreeSet<IpAddr>,
}

impl Northbound {
    pub fn existing(&self, lb: LoadBalancerId) -> Vec<Existing> {
        let rows = self.rows.values().filter(|row| row.name == lb.to_string());
        rows.map(|row| {
            let mut attached = Attached::default();
            for (holder, _) in self.attached.iter().filter(|(_, uuid)| *uuid == row.uuid) {
                match holder {
                    Holder::Switch(uuid) => attached.switches.insert(*uuid),
                    Holder::Router(uuid) => attached.routers.insert(*uuid),
                };
            }
            Existing { row: row.clone(), attached }
        })
        .collect()
    }

    pub fn decode(&self, lb: LoadBalancerId) -> Option<LoadBalancer> {
        let existing = self.existing(lb);
        let decoded = decode(lb, existing.iter().map(|existing| &existing.row), &words())?;
        assert_eq!(decoded.findings, [], "every key that was written can be read");
        Some(decoded.lb)
    }

    pub fn plan(&self, id: LoadBalancerId, lb: Option<&LoadBalancer>) -> Result<Plan, PlanError> {
        let (capabilities, words, ownership) = (capabilities(), words(), ownership());
        let around = Surroundings {
            topology: &Around(self),
            capabilities: &capabilities,
            words: &words,
            health: &self.health,
            ownership: &ownership,
        };
        let existing = self.existing(id);
        let wanted = match lb {
            Some(lb) => compile(lb, &translate(lb, &fronts(lb, &Net)), &existing, around)?,
            None => Vec::new(),
        };
        let plan = diff(id, wanted, &existing, around, &|uuid| self.rows.contains_key(uuid))?;
        check(&plan, &existing, &ownership).expect("every plan is sound");
        Ok(plan)
    }

    /// Does a plan as the server would, and checks that every operation was needed.
    pub fn execute(&mut self, plan: &Plan) {
        for operation in &plan.operations {
            match operation {
                Operation::Guard { row, external_ids } => {
                    assert_eq!(&self.rows[row].external_ids, external_ids, "guard holds");
                }
                Operation::Insert(row) => {
                    assert!(self.rows.insert(row.uuid, row.clone()).is_none(), "uuid is free");
                }
                Operation::Update(update) => {
                    let row = self.rows.get_mut(&update.row).expect("row is there");
                    let before = row.clone();
                    for (patch, map) in [
                        (&update.vips, &before.vips),
                        (&update.options, &before.options),
                        (&update.external_ids, &before.external_ids),
                        (&update.ip_port_mappings, &before.ip_port_mappings),
                    ] {
                        assert!(
                            patch.remove.iter().all(|key| map.contains_key(key)),
                            "removes what is there"
                        );
                        assert!(patch.set.iter().all(|(k, v)| map.get(k) != Some(v)), "sets what differs");
                    }
                    assert!(update.name.as_ref().is_none_or(|name| *name != before.name));
                    assert!(update.protocol.is_none() || update.protocol != before.protocol);
                    assert!(update.selection_fields.as_ref() != Some(&before.selection_fields));
                    update.vips.apply(&mut row.vips);
                    update.options.apply(&mut row.options);
                    update.external_ids.apply(&mut row.external_ids);
                    update.ip_port_mappings.apply(&mut row.ip_port_mappings);
                    row.name = update.name.clone().unwrap_or(before.name.clone());
                    row.protocol = update.protocol.clone().or(before.protocol.clone());
                    row.selection_fields =
                        update.selection_fields.clone().unwrap_or(before.selection_fields.clone());
                    assert_ne!(*row, before, "an update changes something");
                }
                Operation::Delete { row } => {
                    assert!(self.rows.remove(row).is_some());
                    self.attached.retain(|(_, uuid)| uuid != row);
                }
                Operation::InsertCheck { load_balancer, check } => {
                    let checks = &mut self.rows.get_mut(load_balancer).unwrap().health_checks;
                    assert!(checks.iter().all(|before| before.uuid != check.uuid), "uuid is free");
                    checks.push(check.clone());
                    checks.sort_unstable();
                }
                Operation::UpdateCheck { load_balancer, check, options, external_ids } => {
                    let checks = &mut self.rows.get_mut(load_balancer).unwrap().health_checks;
                    let check = checks.iter_mut().find(|before| before.uuid == *check).unwrap();
                    assert!(!(options.is_empty() && external_ids.is_empty()), "an update changes something");
                    options.apply(&mut check.options);
                    external_ids.apply(&mut check.external_ids);
                }
                Operation::RemoveCheck { load_balancer, check } => {
                    let checks = &mut self.rows.get_mut(load_balancer).unwrap().health_checks;
                    let before = checks.len();
                    checks.retain(|row| row.uuid != *check);
                    assert_eq!(checks.len() + 1, before);
                }
                Operation::InsertAcl(acl) => {
                    let last = self.acls.iter().map(|existing| existing.uuid.as_u128()).max();
                    let uuid = Uuid::from_u128(last.unwrap_or_default() + 1);
                    self.acls.insert(ExistingAcl { uuid, acl: acl.clone() });
                }
                Operation::RemoveAcl(existing) => assert!(self.acls.remove(existing)),
                Operation::MemberFloatingIp { .. } => panic!("no member has a floating IP"),
                Operation::Attach { to, row } => assert!(self.attached.insert((*to, *row))),
                Operation::Detach { from, row } => assert!(self.attached.remove(&(*from, *row))),
            }
        }
    }

    /// What the rules say.
    pub fn rules(&self) -> Vec<&Acl> {
        let mut rules: Vec<_> = self.acls.iter().map(|existing| &existing.acl).collect();
        rules.sort();
        rules
    }

    /// Rows and attachments of a load balancer, without uuids, in a fixed order.
    pub fn shape(&self, lb: LoadBalancerId) -> Vec<(LoadBalancerRow, Attached)> {
        let mut shape: Vec<_> = self
            .existing(lb)
            .into_iter()
            .map(|mut existing| {
                existing.row.uuid = Uuid::nil();
                existing.row.external_ids.remove(weir_plan::keys::REVISION);
                existing.row.health_checks.iter_mut().for_each(|check| check.uuid = Uuid::nil());
                (existing.row, existing.attached)
            })
            .collect();
        shape.sort_by_key(|(row, _)| format!("{row:?}"));
        shape
    }
}
