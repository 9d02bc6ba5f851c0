//! A private Northbound, written and read with `ovsdb-client`.

use std::{
    collections::BTreeMap,
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use weir_ovsdb::{
    Endpoint,
    testing::{self, Server},
};

/// A standalone Northbound in a folder of its own.
pub struct Northbound {
    /// The server; can be killed and started again.
    pub server: Server,
    dir: TempDir,
}

impl Northbound {
    /// Starts an empty one.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Starts an empty one whose schema is not quite that of the installed OVN.
    pub fn start_with(change: impl FnOnce(&mut Value)) -> Self {
        let dir = TempDir::new().unwrap();
        let server = Server::standalone(dir.path(), &schema_with(dir.path(), change)).unwrap();
        Self { server, dir }
    }

    /// Converts it to a schema that is not quite that of the installed OVN, as an upgrade of OVN does.
    pub fn convert(&self, change: impl FnOnce(&mut Value)) {
        self.server.convert(&schema_with(self.dir.path(), change)).unwrap();
    }

    /// What tells OVN 23.09 and later from what was before, as far as load balancers are concerned.
    pub fn as_of_23_09(schema: &mut Value, yes: bool) {
        let columns = schema["tables"]["Logical_Router_Port"]["columns"].as_object_mut().unwrap();
        let status = json!({"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}});
        match yes {
            true => drop(columns.insert("status".to_owned(), status)),
            false => drop(columns.remove("status")),
        }
    }

    /// Where floating IPs are translated: `external_mac`, `logical_port` and our keys of the `NAT` rows, by `external_ip`.
    pub fn floating_ips(&self) -> Value {
        let found = self.transact(&[json!({"op": "select", "table": "NAT", "where": []})]);
        let row = |row: &Value| {
            let mut keys = map(&row["external_ids"]);
            keys.as_object_mut().unwrap().retain(|key, _| key.starts_with("weir:"));
            let one = |column: &str| set(&row[column]).first().cloned();
            let says = json!({"external_mac": one("external_mac"), "logical_port": one("logical_port"), "keys": keys});
            (row["external_ip"].as_str().unwrap().to_owned(), says)
        };
        found[0]["rows"].as_array().unwrap().iter().map(row).collect::<Map<_, _>>().into()
    }

    /// Its folder, also for a host's files.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        match self.server.endpoint() {
            Endpoint::Unix(path) => path,
            other => panic!("{other}"),
        }
    }

    /// As a remote of OVN's tools.
    pub fn remote(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    /// Does operations, all of which must succeed.
    pub fn transact(&self, operations: &[Value]) -> Vec<Value> {
        transact(&self.remote(), operations)
    }

    /// Load balancers, switches and routers as the recorded scenarios have them.
    pub fn state(&self) -> Value {
        state(&self.remote())
    }

    /// Every column of every row of the tables that Weir could write.
    pub fn dump(&self) -> Value {
        let tables = ["Load_Balancer", "Logical_Switch", "Logical_Router", "Load_Balancer_Health_Check"];
        let selects: Vec<_> =
            tables.iter().map(|table| json!({"op": "select", "table": table, "where": []})).collect();
        let mut dump = Map::new();
        for (table, result) in tables.iter().zip(self.transact(&selects)) {
            let mut rows: Vec<Value> = result["rows"].as_array().unwrap().clone();
            rows.iter_mut().for_each(|row| {
                row.as_object_mut().unwrap().remove("_version");
                // It counts writes, also those that take something back.
                if let Some(keys) = row.get_mut("external_ids") {
                    keys[1].as_array_mut().unwrap().retain(|pair| pair[0] != "weir:revision");
                }
            });
            rows.sort_by_key(|row| row["_uuid"].to_string());
            if *table == "Logical_Switch" {
                // Rules have no lasting uuids; what they say is told below.
                rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("acls")));
            }
            dump.insert((*table).to_owned(), rows.into());
        }
        dump.insert("ACL".to_owned(), self.acls().into());
        dump.into()
    }

    /// The rules of every switch, by what they say; several of the same are told as often.
    pub fn acls(&self) -> Vec<Value> {
        let select = |table: &str| json!({"op": "select", "table": table, "where": []});
        let results = self.transact(&["Logical_Switch", "ACL"].map(select));
        let rows = |at: usize| results[at]["rows"].as_array().unwrap();
        let mut all = Vec::new();
        for switch in rows(0) {
            let held = set(&switch["acls"]);
            for acl in rows(1).iter().filter(|acl| held.contains(&acl["_uuid"])) {
                all.push(json!({
                    "switch": switch["name"],
                    "direction": acl["direction"],
                    "priority": acl["priority"],
                    "match": acl["match"],
                    "action": acl["action"],
                    "name": set(&acl["name"]).first(),
                    "external_ids": map(&acl["external_ids"]),
                }));
            }
        }
        all.sort_by_key(Value::to_string);
        all
    }

    /// All of it, as `ovsdb-client backup` prints it.
    pub fn backup(&self) -> Vec<u8> {
        backup(&self.remote())
    }

    /// Puts a backup in the place of all of it, in one transaction.
    pub fn restore(&self, backup: &[u8]) {
        restore(&self.remote(), backup);
    }

    /// The database's file.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("server.db")
    }

    /// The only `Load_Balancer` row of a load balancer.
    pub fn load_balancer(&self, name: &str) -> Value {
        let rows = self.rows(name);
        assert_eq!(rows.len(), 1, "rows of {name}: {rows:?}");
        rows[0].clone()
    }

    /// `external_ids`, `vips` and so on of the rows of a load balancer, with all `weir:` keys but the count of writes.
    pub fn rows(&self, name: &str) -> Vec<Value> {
        let select = json!({"op": "select", "table": "Load_Balancer", "where": [["name", "==", name]]});
        let mut rows: Vec<_> =
            self.transact(&[select])[0]["rows"].as_array().unwrap().iter().map(plain_row).collect();
        for row in &mut rows {
            row["external_ids"].as_object_mut().unwrap().remove("weir:revision");
        }
        rows.sort_by_key(|row| row["protocol"].to_string());
        rows
    }
}

/// What `ovsdb-client backup` prints.
pub fn backup(remote: &str) -> Vec<u8> {
    let mut command = Command::new(testing::program("ovsdb-client"));
    let output = command.args(["-t", "30", "backup", remote, "OVN_Northbound"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Gives `ovsdb-client restore` a backup.
pub fn restore(remote: &str, backup: &[u8]) {
    let mut command = Command::new(testing::program("ovsdb-client"));
    command.args(["-t", "30", "restore", remote, "OVN_Northbound"]);
    // It reads the backup twice, which a pipe does not allow.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(backup).unwrap();
    file.rewind().unwrap();
    let done = command.stdin(file).stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
}

/// The installed OVN's schema with a change, in a file.
pub fn schema_with(folder: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let installed = testing::schema("ovn-nb").expect("ovn-nb.ovsschema: run `make setup`");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(installed).unwrap()).unwrap();
    change(&mut schema);
    schema.as_object_mut().unwrap().remove("cksum");
    let file = folder.join("ovn-nb.ovsschema");
    std::fs::write(&file, schema.to_string()).unwrap();
    file
}

/// A further column that no OVN has.
pub fn add_column(schema: &mut Value) {
    schema["tables"]["Load_Balancer"]["columns"]["new_in_this_test"] = json!({"type": "string"});
}

/// Operations through `ovsdb-client`; a reply with an error panics with it.
pub fn transact(remote: &str, operations: &[Value]) -> Vec<Value> {
    let mut request = vec![json!("OVN_Northbound")];
    request.extend(operations.iter().cloned());
    let request = Value::from(request).to_string();
    let args = [
        "--no-leader-only".into(),
        "-t".into(),
        "30".into(),
        "transact".into(),
        remote.into(),
        request.into(),
    ];
    let text = testing::run("ovsdb-client", &args).unwrap();
    let reply: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(reply.iter().all(|result| result.get("error").is_none()), "{text}");
    reply
}

/// Load balancers, switches and routers as the recorded scenarios have them.
pub fn state(remote: &str) -> Value {
    let select = |table: &str| json!({"op": "select", "table": table, "where": []});
    let tables = ["Load_Balancer", "Logical_Switch", "Logical_Router", "Load_Balancer_Health_Check"];
    let results = transact(remote, &tables.map(select));
    let rows = |at: usize| results[at]["rows"].as_array().unwrap();
    let mut labels = BTreeMap::new();
    let mut load_balancers = Vec::new();
    for row in rows(0) {
        let plain = plain_row(row);
        let protocol = plain["protocol"].as_str().unwrap_or("-").to_owned();
        labels.insert(row["_uuid"].to_string(), format!("{}/{protocol}", plain["name"].as_str().unwrap()));
        let mut plain = plain.as_object().unwrap().clone();
        plain.remove("_uuid");
        plain["external_ids"].as_object_mut().unwrap().retain(|key, _| !key.starts_with("weir:"));
        let refers = set(&row["health_check"]);
        let checks = rows(3).iter().filter(|check| refers.contains(&check["_uuid"]));
        let mut checks: Vec<_> = checks.map(plain_check).collect();
        checks.sort_by_key(|check| check["vip"].to_string());
        plain.insert("health_checks".to_owned(), checks.into());
        load_balancers.push(Value::from(plain));
    }
    let order = ["protocol", "selection_fields", "name"];
    load_balancers.sort_by_key(|row| order.map(|column| row[column].to_string()));
    let holders = |at: usize| {
        let mut all = BTreeMap::new();
        for row in rows(at) {
            let mut held: Vec<_> =
                set(&row["load_balancer"]).iter().map(|uuid| labels[&uuid.to_string()].clone()).collect();
            held.sort();
            all.insert(row["name"].as_str().unwrap().to_owned(), held);
        }
        json!(all)
    };
    json!({"load_balancers": load_balancers, "logical_switches": holders(1), "logical_routers": holders(2)})
}

fn plain_check(row: &Value) -> Value {
    json!({ "vip": row["vip"], "options": map(&row["options"]), "external_ids": map(&row["external_ids"]) })
}

fn set(datum: &Value) -> Vec<Value> {
    match datum.as_array().map(Vec::as_slice) {
        Some([kind, elements]) if kind == "set" => elements.as_array().unwrap().clone(),
        _ => vec![datum.clone()],
    }
}

fn map(datum: &Value) -> Value {
    let pairs = datum[1].as_array().unwrap().iter();
    pairs.map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone())).collect::<Map<_, _>>().into()
}

fn plain_row(row: &Value) -> Value {
    json!({
        "_uuid": row["_uuid"][1],
        "name": row["name"],
        "protocol": set(&row["protocol"]).first(),
        "vips": map(&row["vips"]),
        "selection_fields": set(&row["selection_fields"]),
        "options": map(&row["options"]),
        "external_ids": map(&row["external_ids"]),
        "ip_port_mappings": map(&row["ip_port_mappings"]),
    })
}
