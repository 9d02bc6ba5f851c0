//! A private Southbound, where a test says what probes say.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_ovsdb::{
    Endpoint,
    testing::{self, Server},
};

/// A standalone Southbound in a folder of its own.
pub struct Southbound {
    /// The server.
    pub server: Server,
    dir: TempDir,
}

impl Southbound {
    /// Starts an empty one.
    pub fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let schema = testing::schema("ovn-sb").expect("ovn-sb.ovsschema: run `make setup`");
        Self { server: Server::standalone(dir.path(), &schema).unwrap(), dir }
    }

    /// Converts it to a schema that is not quite that of the installed OVN, as an upgrade of OVN does.
    pub fn convert(&self, change: impl FnOnce(&mut Value)) {
        let installed = testing::schema("ovn-sb").expect("ovn-sb.ovsschema: run `make setup`");
        let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(installed).unwrap()).unwrap();
        change(&mut schema);
        schema.as_object_mut().unwrap().remove("cksum");
        let file = self.dir.path().join("changed.ovsschema");
        std::fs::write(&file, schema.to_string()).unwrap();
        self.server.convert(&file).unwrap();
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// As a remote of OVN's tools.
    pub fn remote(&self) -> String {
        match self.server.endpoint() {
            Endpoint::Unix(path) => format!("unix:{}", Path::new(&path).display()),
            other => panic!("{other}"),
        }
    }

    /// What ovn-controller says of a port's address: `online`, `offline` or `error`.
    pub fn says(&self, logical_port: &str, address: &str, port: u16, protocol: &str, status: &str) {
        let of = of(logical_port, address, port, protocol);
        let row = json!({"logical_port": logical_port, "ip": address, "port": port, "protocol": protocol,
            "status": status});
        self.transact(&[
            json!({"op": "delete", "table": "Service_Monitor", "where": of}),
            json!({"op": "insert", "table": "Service_Monitor", "row": row}),
        ]);
    }

    /// OVN probes a port's address no longer.
    pub fn forgets(&self, logical_port: &str, address: &str, port: u16, protocol: &str) {
        let of = of(logical_port, address, port, protocol);
        self.transact(&[json!({"op": "delete", "table": "Service_Monitor", "where": of})]);
    }

    fn transact(&self, operations: &[Value]) {
        let mut request = vec![json!("OVN_Southbound")];
        request.extend(operations.iter().cloned());
        let args = [
            "-t".into(),
            "30".into(),
            "transact".into(),
            self.remote().into(),
            Value::from(request).to_string().into(),
        ];
        let text = testing::run("ovsdb-client", &args).unwrap();
        let reply: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(reply.iter().all(|result| result.get("error").is_none()), "{text}");
    }
}

fn of(logical_port: &str, address: &str, port: u16, protocol: &str) -> Value {
    json!([
        ["logical_port", "==", logical_port],
        ["ip", "==", address],
        ["port", "==", port],
        ["protocol", "==", protocol]
    ])
}
