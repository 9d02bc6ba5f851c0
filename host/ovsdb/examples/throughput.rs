//! Small transactions against a real standalone server: `throughput [ROWS] [TRANSACTIONS] [OUTSTANDING]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use weir_ovsdb::testing::{Server, schema};
use weir_ovsdb::{Client, ClientConfig, Condition, Index, Operation, Row, TableSpec, Uuid};

/// The server hashes rows by the first quarter of their UUIDs, so that must differ.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u128>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (rows, transactions, outstanding) = (next(1000)?, next(50_000)?, next(64)?);

    let folder = tempfile::tempdir()?;
    let server = Server::standalone(folder.path(), &schema("ovn-nb").ok_or("ovn-nb.ovsschema not found")?)?;
    let columns = ["name", "vips", "external_ids", "options"].map(String::from).to_vec();
    let tables = vec![TableSpec {
        name: "Load_Balancer".into(),
        columns,
        indexes: vec![Index::Column("name".into())],
        any_of: vec![],
    }];
    let client =
        Client::connect(ClientConfig::new(vec![server.endpoint()], "OVN_Northbound", tables.clone()));
    client.synced().await;
    let inserts = (0..rows).map(|number| {
        let row = Row::new().with("name", format!("lb{number}"));
        Operation::insert("Load_Balancer", row).with_uuid(id(number))
    });
    client.transact(inserts.collect()).await?;

    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..outstanding {
        let client = client.clone();
        tasks.spawn(async move {
            for number in (worker..transactions).step_by(outstanding as usize) {
                let at = vec![Condition::by_uuid(id(number % rows))];
                let row = Row::new().with("name", format!("lb{number}"));
                client.transact(vec![Operation::update("Load_Balancer", at, row)]).await?;
            }
            Ok::<_, weir_ovsdb::TransactError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    println!("{:.0} transactions/s", transactions as f64 / start.elapsed().as_secs_f64());

    let start = Instant::now();
    let second = Client::connect(ClientConfig::new(vec![server.endpoint()], "OVN_Northbound", tables));
    second.synced().await;
    println!("{} rows read in {:?}", second.replica().count("Load_Balancer"), start.elapsed());
    Ok(())
}
