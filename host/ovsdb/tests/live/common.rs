//! What all these tests need.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use weir_ovsdb::testing::{self, Server};
use weir_ovsdb::{Client, ClientConfig, Endpoint, Index, Operation, Row, TableSpec, TransactError, Uuid};

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("within a minute")
}

pub(crate) fn tables() -> Vec<TableSpec> {
    let spec = |name: &str, columns: &[&str], indexes| TableSpec {
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        indexes,
        any_of: vec![],
    };
    vec![
        spec(
            "Load_Balancer",
            &["name", "vips", "protocol", "external_ids", "options", "no_such_column"],
            vec![
                Index::Column("name".into()),
                Index::MapKey { column: "external_ids".into(), key: "ids".into(), separator: Some(' ') },
            ],
        ),
        spec(
            "Logical_Switch",
            &["name", "load_balancer", "other_config"],
            vec![Index::References("load_balancer".into())],
        ),
        spec("No_Such_Table", &["name"], vec![]),
    ]
}

pub(crate) fn client_of(server: &Server) -> Client {
    Client::connect(config(vec![server.endpoint()]))
}

pub(crate) fn nb_schema() -> PathBuf {
    testing::schema("ovn-nb").expect("ovn-nb.ovsschema installed")
}

pub(crate) fn balancer(name: &str) -> Operation {
    Operation::insert("Load_Balancer", Row::new().with("name", name))
}

pub(crate) fn config(endpoints: Vec<Endpoint>) -> ClientConfig {
    ClientConfig::new(endpoints, "OVN_Northbound", tables())
}

/// The installed schema with a change, in a file.
pub(crate) fn schema_with(folder: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(nb_schema()).unwrap()).unwrap();
    change(&mut schema);
    schema.as_object_mut().unwrap().remove("cksum");
    let file = folder.join("changed.ovsschema");
    std::fs::write(&file, schema.to_string()).unwrap();
    file
}

/// The column that [`tables`] asks for and no schema has.
pub(crate) fn add_column(schema: &mut Value) {
    schema["tables"]["Load_Balancer"]["columns"]["no_such_column"] = json!({ "type": "string" });
}

/// Waits until the client holds the lock, and the server agrees.
pub(crate) async fn holds(client: &Client, lock: &str) {
    within(client.status().wait_for(|status| status.holds(lock))).await.unwrap();
    within(client.transact(vec![Operation::assert(lock)])).await.unwrap();
}

/// Inserts under a chosen identity until it is certain that the row is there: the way to write at most once.
pub(crate) async fn insert_for_certain(client: &Client, id: Uuid) {
    loop {
        within(client.synced()).await;
        if client.replica().get("Load_Balancer", &id).is_some() {
            return;
        }
        match within(client.transact(vec![balancer("lb").with_uuid(id)])).await {
            Ok(_) => return,
            Err(TransactError::NotConnected | TransactError::Unknown | TransactError::Refused { .. }) => {}
            Err(error) if error.code() == "ovsdb-duplicate-uuid" => return,
            Err(error) => panic!("{error}"),
        }
    }
}
