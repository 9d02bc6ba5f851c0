//! What all these tests need.

use std::time::Duration;

use weir_ovsdb::testing::{self, Server};
use weir_ovsdb::{Client, ClientConfig, Endpoint, Index, Operation, Row, TableSpec};

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

pub(crate) fn nb_schema() -> std::path::PathBuf {
    testing::schema("ovn-nb").expect("ovn-nb.ovsschema installed")
}

pub(crate) fn balancer(name: &str) -> Operation {
    Operation::insert("Load_Balancer", Row::new().with("name", name))
}

pub(crate) fn config(endpoints: Vec<Endpoint>) -> ClientConfig {
    ClientConfig::new(endpoints, "OVN_Northbound", tables())
}
