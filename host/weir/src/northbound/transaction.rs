//! A plan's operations as OVSDB operations (RFC 7047, section 5.2).

use std::collections::BTreeMap;

use uuid::Uuid;
use weir_model::LoadBalancerId;
use weir_ovsdb::{Condition, Datum, Mutation, Operation as Ovsdb, Row, Until};
use weir_plan::{
    Acl, Existing, FloatingIp, HealthCheckRow, Holder, LoadBalancerRow, MapPatch, Operation, Update,
};

const TABLE: &str = "Load_Balancer";
const NAT: &str = "NAT";
const CHECKS: &str = "Load_Balancer_Health_Check";
const ACLS: &str = "ACL";

/// Translates an operation. An update that only changes elements of maps becomes a `mutate`, so that what others add
/// at the same time is not lost.
pub fn operations(operation: &Operation) -> Vec<Ovsdb> {
    match operation {
        Operation::Guard { row, external_ids } => {
            vec![Ovsdb::guard(TABLE, *row, Row::new().with("external_ids", map(external_ids)))]
        }
        Operation::Insert(row) => {
            let row_itself = Ovsdb::insert(TABLE, columns(row)).with_uuid(row.uuid);
            row.health_checks.iter().map(insert_check).chain([row_itself]).collect()
        }
        Operation::InsertCheck { load_balancer, check } => {
            let refers = Mutation::insert("health_check", set(check.uuid));
            vec![
                insert_check(check),
                Ovsdb::mutate(TABLE, vec![Condition::by_uuid(*load_balancer)], vec![refers]),
            ]
        }
        Operation::UpdateCheck { check, options, external_ids, .. } => {
            let mut mutations = map_mutations("options", options);
            mutations.extend(map_mutations("external_ids", external_ids));
            vec![Ovsdb::mutate(CHECKS, vec![Condition::by_uuid(*check)], mutations)]
        }
        Operation::RemoveCheck { load_balancer, check } => {
            let refers = Mutation::delete("health_check", set(*check));
            vec![Ovsdb::mutate(TABLE, vec![Condition::by_uuid(*load_balancer)], vec![refers])]
        }
        Operation::Update(patch) => update(patch),
        Operation::Delete { row } => vec![Ovsdb::delete(TABLE, vec![Condition::by_uuid(*row)])],
        Operation::Attach { to, row } => vec![element(to, Mutation::insert("load_balancer", set(*row)))],
        Operation::Detach { from, row } => vec![element(from, Mutation::delete("load_balancer", set(*row)))],
        Operation::InsertAcl(acl) => insert_acl(acl).into(),
        Operation::RemoveAcl(existing) => {
            vec![element(&Holder::Switch(existing.acl.switch), Mutation::delete("acls", set(existing.uuid)))]
        }
        Operation::MemberFloatingIp { before, after } => floating_ip(before, after),
    }
}

/// Fails unless the rows are those that were read; where there were none, unless there is none of that name.
pub fn unchanged(lb: LoadBalancerId, rows: &[Existing]) -> Vec<Ovsdb> {
    if rows.is_empty() {
        let named = vec![Condition::eq("name", lb.to_string().as_str())];
        return vec![Ovsdb::wait(TABLE, named, vec!["name".to_owned()], Until::Equal, Vec::new(), Some(0))];
    }
    let guard =
        |row: &LoadBalancerRow| Operation::Guard { row: row.uuid, external_ids: row.external_ids.clone() };
    rows.iter().flat_map(|existing| operations(&guard(&existing.row))).collect()
}

fn insert_check(check: &HealthCheckRow) -> Ovsdb {
    let columns = Row::new()
        .with("vip", check.vip.as_str())
        .with("options", map(&check.options))
        .with("external_ids", map(&check.external_ids));
    Ovsdb::insert(CHECKS, columns).with_uuid(check.uuid)
}

fn insert_acl(acl: &Acl) -> [Ovsdb; 2] {
    let columns = Row::new()
        .with("direction", acl.direction.as_str())
        .with("priority", acl.priority)
        .with("match", acl.matches.as_str())
        .with("action", acl.action.as_str())
        .with("name", acl.name.as_str())
        .with("external_ids", map(&acl.external_ids));
    // A name that no other rule of the transaction has.
    let content = format!("{acl:?}");
    let name = format!("acl_{}", Uuid::new_v5(&acl.switch, content.as_bytes()).simple());
    let refers = Mutation::insert("acls", Datum::named_uuid(name.as_str()));
    [Ovsdb::insert(ACLS, columns).with_name(name), element(&Holder::Switch(acl.switch), refers)]
}

fn columns(row: &LoadBalancerRow) -> Row {
    let mut columns = Row::new().with("name", row.name.as_str()).with("external_ids", map(&row.external_ids));
    if let Some(protocol) = &row.protocol {
        columns.set("protocol", protocol.as_str());
    }
    if !row.selection_fields.is_empty() {
        columns.set("selection_fields", Datum::set(row.selection_fields.iter().map(String::as_str)));
    }
    for (column, value) in
        [("vips", &row.vips), ("options", &row.options), ("ip_port_mappings", &row.ip_port_mappings)]
    {
        if !value.is_empty() {
            columns.set(column, map(value));
        }
    }
    if !row.health_checks.is_empty() {
        columns.set("health_check", Datum::set(row.health_checks.iter().map(|check| check.uuid)));
    }
    columns
}

fn update(patch: &Update) -> Vec<Ovsdb> {
    let mut operations = Vec::new();
    let mut columns = Row::new();
    if let Some(name) = &patch.name {
        columns.set("name", name.as_str());
    }
    if let Some(protocol) = &patch.protocol {
        columns.set("protocol", Datum::set((!protocol.is_empty()).then_some(protocol.as_str())));
    }
    if let Some(fields) = &patch.selection_fields {
        columns.set("selection_fields", Datum::set(fields.iter().map(String::as_str)));
    }
    if !columns.is_empty() {
        operations.push(Ovsdb::update(TABLE, vec![Condition::by_uuid(patch.row)], columns));
    }
    let mut mutations = Vec::new();
    for (column, patch) in [
        ("vips", &patch.vips),
        ("options", &patch.options),
        ("external_ids", &patch.external_ids),
        ("ip_port_mappings", &patch.ip_port_mappings),
    ] {
        mutations.extend(map_mutations(column, patch));
    }
    if !mutations.is_empty() {
        operations.push(Ovsdb::mutate(TABLE, vec![Condition::by_uuid(patch.row)], mutations));
    }
    operations
}

/// `insert` into a map never changes the value of a key that is there (RFC 7047, section 5.1), so the key goes first.
fn map_mutations(column: &str, patch: &MapPatch) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    if !patch.is_empty() {
        let keys = patch.remove.iter().chain(patch.set.keys()).map(String::as_str);
        mutations.push(Mutation::delete(column, Datum::set(keys)));
    }
    if !patch.set.is_empty() {
        mutations.push(Mutation::insert(column, map(&patch.set)));
    }
    mutations
}

fn floating_ip(before: &FloatingIp, after: &FloatingIp) -> Vec<Ovsdb> {
    let columns = |floating: &FloatingIp| {
        Row::new()
            .with("external_mac", Datum::set(floating.external_mac.as_deref()))
            .with("logical_port", Datum::set(floating.logical_port.as_deref()))
    };
    let this = || vec![Condition::by_uuid(before.uuid)];
    let keys = MapPatch::between(&before.external_ids, &after.external_ids);
    vec![
        Ovsdb::guard(NAT, before.uuid, columns(before).with("external_ids", map(&before.external_ids))),
        Ovsdb::update(NAT, this(), columns(after)),
        Ovsdb::mutate(NAT, this(), map_mutations("external_ids", &keys)),
    ]
}

fn element(holder: &Holder, mutation: Mutation) -> Ovsdb {
    let (table, uuid) = match holder {
        Holder::Switch(uuid) => ("Logical_Switch", uuid),
        Holder::Router(uuid) => ("Logical_Router", uuid),
    };
    Ovsdb::mutate(table, vec![Condition::by_uuid(*uuid)], vec![mutation])
}

fn map(map: &BTreeMap<String, String>) -> Datum {
    Datum::map(map.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

fn set(uuid: Uuid) -> Datum {
    Datum::set([uuid])
}
