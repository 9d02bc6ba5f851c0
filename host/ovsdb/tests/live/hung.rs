//! Servers that hang, and relays.

use std::time::Duration;

use serde_json::json;
use weir_ovsdb::testing::Server;
use weir_ovsdb::{Client, Operation, TransactError, Uuid};

use crate::common::{balancer, client_of, config, insert_for_certain, nb_schema, within};
use crate::fake::Fake;

fn standalone() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::standalone(folder.path(), &nb_schema()).unwrap();
    (folder, server)
}

#[tokio::test]
async fn hung_server_is_left_and_found_again_when_it_goes_on() {
    let (_folder, server) = standalone();
    let client = client_of(&server);
    within(client.synced()).await;
    server.suspend().unwrap();
    let lost = within(client.transact(vec![balancer("x").with_uuid(Uuid::from_u128(1))])).await;
    assert_eq!(lost, Err(TransactError::Unknown));
    let error = client.status().borrow().last_error.clone().unwrap();
    assert!(error.starts_with("inactive: "), "{error}");
    assert_eq!(within(client.transact(vec![balancer("y")])).await, Err(TransactError::NotConnected));
    server.resume().unwrap();
    insert_for_certain(&client, Uuid::from_u128(1)).await;
    assert_eq!(client.replica().count("Load_Balancer"), 1, "neither lost nor doubled");
}

#[tokio::test]
async fn hung_server_is_left_for_another_one() {
    let [(_one, first), (_two, second)] = [standalone(), standalone()];
    let client = Client::connect(config(vec![first.endpoint(), second.endpoint()]));
    within(client.synced()).await;
    assert_eq!(client.status().borrow().endpoint, Some(first.endpoint().to_string()));
    first.suspend().unwrap();
    assert_eq!(within(client.transact(vec![balancer("x")])).await, Err(TransactError::Unknown));
    within(client.synced()).await;
    assert_eq!(client.status().borrow().endpoint, Some(second.endpoint().to_string()));
    // The way back leads past the first one.
    second.suspend().unwrap();
    assert_eq!(within(client.transact(vec![balancer("x")])).await, Err(TransactError::Unknown));
    second.resume().unwrap();
    within(client.synced()).await;
    within(client.transact(vec![balancer("x")])).await.unwrap();
}

#[tokio::test]
async fn hung_server_is_waited_for_where_probes_are_off() {
    let (_folder, server) = standalone();
    let mut config = config(vec![server.endpoint()]);
    config.probe_interval = Duration::ZERO;
    let client = Client::connect(config);
    within(client.synced()).await;
    server.suspend().unwrap();
    let writer = {
        let client = client.clone();
        tokio::spawn(async move { client.transact(vec![balancer("x")]).await })
    };
    // Longer than it takes where they are on.
    tokio::time::sleep(Duration::from_secs(6)).await;
    server.resume().unwrap();
    within(writer).await.unwrap().unwrap();
    assert_eq!(client.status().borrow().reconnects, 0);
}

#[tokio::test]
async fn server_that_answers_only_echoes_is_left_for_another_one() {
    let (_folder, server) = standalone();
    let fake = Fake::started().await;
    let mut config = config(vec![server.endpoint()]);
    config.endpoints.insert(0, fake.endpoint());
    let client = Client::connect(config);
    let mut conversation = fake.accept_plain().await;
    within(client.synced()).await;
    let echoes = async {
        let mut echoes = 0;
        while let Some(request) = conversation.hear().await {
            if request["method"] == "echo" {
                conversation.say(json!({ "id": request["id"], "result": [], "error": null })).await;
                echoes += 1;
            }
        }
        echoes
    };
    let transact = async { within(client.transact(vec![balancer("x")])).await };
    let (result, echoes) = tokio::join!(transact, echoes);
    assert_eq!(result, Err(TransactError::Unknown));
    assert!(echoes >= 2, "{echoes}");
    let error = client.status().borrow().last_error.clone().unwrap();
    assert!(error.starts_with("transaction-unanswered: "), "{error}");
    within(client.synced()).await;
    assert_eq!(client.status().borrow().endpoint, Some(server.endpoint().to_string()));
    within(client.transact(vec![balancer("x")])).await.unwrap();
}

#[tokio::test]
async fn schema_and_first_read_may_take_longer_than_a_transaction() {
    let fake = Fake::started().await;
    let client = Client::connect(fake.config());
    // Twice longer than a silent server has that owes the answer to a transaction.
    let pause = Duration::from_secs(8);
    let mut conversation = fake.accept_plain_after(pause).await;
    within(client.synced()).await;
    let transact = client.transact(vec![Operation::comment("c")]);
    let answer = async {
        loop {
            let request = conversation.hear().await.unwrap();
            if request["method"] == "transact" {
                conversation.say(json!({ "id": request["id"], "result": [{}], "error": null })).await;
                return;
            }
        }
    };
    let (result, ()) = tokio::join!(within(transact), answer);
    result.unwrap();
    assert_eq!(client.status().borrow().last_error, None, "one connection");
}

#[tokio::test]
async fn relay_serves_transactions_and_grants_no_lock() {
    let (folder, server) = standalone();
    let relay = Server::relay(folder.path(), "OVN_Northbound", &server.endpoint()).unwrap();
    let [behind, direct] = [&relay, &server].map(client_of);
    for client in [&behind, &direct] {
        client.lock("lock").await;
        within(client.synced()).await;
    }
    assert!(behind.status().borrow().is_relay());
    assert!(!direct.status().borrow().is_relay());
    within(direct.status().wait_for(|status| status.holds("lock"))).await.unwrap();
    within(behind.transact(vec![balancer("through the relay")])).await.unwrap();
    assert_eq!(behind.replica().count("Load_Balancer"), 1);
    assert!(!behind.status().borrow().holds("lock"));
    let error = within(behind.transact(vec![Operation::assert("lock")])).await.unwrap_err();
    assert_eq!(error.code(), "ovsdb-not-lock-owner");
}
