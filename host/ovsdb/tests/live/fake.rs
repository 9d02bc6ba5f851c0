//! Servers of a few lines that misbehave in chosen ways.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir_ovsdb::stream::Splitter;
use weir_ovsdb::{Client, ClientConfig, Endpoint, Operation, TableSpec, TransactError};

use crate::common::within;

const ROW: &str = "00000000-0000-0000-0000-00000000000a";

pub(crate) struct Fake {
    listener: TcpListener,
}

pub(crate) struct Conversation {
    socket: TcpStream,
    splitter: Splitter,
    /// The client's name for its monitor.
    monitor: Value,
}

impl Fake {
    pub(crate) async fn started() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let port = self.listener.local_addr().unwrap().port();
        Endpoint::Tcp { host: "127.0.0.1".into(), port }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let tables = vec![TableSpec {
            name: "T".into(),
            columns: vec!["name".into()],
            indexes: vec![],
            any_of: vec![],
        }];
        ClientConfig::new(vec![self.endpoint()], "DB", tables)
    }

    async fn accept(&self) -> Conversation {
        let (socket, _) = within(self.listener.accept()).await.unwrap();
        Conversation { socket, splitter: Splitter::new(1 << 20), monitor: Value::Null }
    }

    /// Accepts, and answers as an RFC 7047 server without extensions, until the client is synchronised.
    pub(crate) async fn accept_plain(&self) -> Conversation {
        self.accept_plain_after(Duration::ZERO).await
    }

    /// The same, silent for so long before schema and rows.
    pub(crate) async fn accept_plain_after(&self, pause: Duration) -> Conversation {
        let mut conversation = self.accept().await;
        loop {
            let request = conversation.hear().await.unwrap();
            let method = request["method"].as_str().unwrap();
            let database = &request["params"][0];
            // Any other database than that of these tests is empty.
            let (table, rows) = match database.as_str() {
                Some("DB") => ("T", json!({ ROW: { "new": { "name": "first" } } })),
                _ => ("Load_Balancer", json!({})),
            };
            let columns = json!({ "columns": { "name": { "type": "string" } } });
            let schema = json!({ "name": database, "tables": { table: columns } });
            let is_read = method == "monitor" && database != "_Server";
            if method == "get_schema" || is_read {
                tokio::time::sleep(pause).await;
            }
            let (result, error) = match method {
                "get_schema" => (schema, Value::Null),
                "monitor" if is_read => (json!({ table: rows }), Value::Null),
                "monitor" => (Value::Null, json!("unknown database")),
                _ => (Value::Null, json!("unknown method")),
            };
            conversation.say(json!({ "id": request["id"], "result": result, "error": error })).await;
            if is_read {
                conversation.monitor = request["params"][1].clone();
                return conversation;
            }
        }
    }
}

impl Conversation {
    /// The next message; `None` when the client has closed.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.splitter.next().unwrap() {
                return Some(serde_json::from_slice(&message).unwrap());
            }
            if within(self.socket.read_buf(self.splitter.buffer())).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.socket.write_all(message.to_string().as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_extensions_will_do() {
    let fake = Fake::started().await;
    let client = Client::connect(fake.config());
    let mut conversation = fake.accept_plain().await;
    within(client.synced()).await;
    let id = ROW.parse().unwrap();
    assert_eq!(client.replica().get("T", &id).unwrap().str("name"), Some("first"));
    let mut changes = client.changes();
    // One byte after the other.
    let update = json!({ "id": null, "method": "update", "params": [conversation.monitor, { "T": { ROW: { "old": { "name": "first" } } } }] });
    for byte in update.to_string().bytes() {
        conversation.socket.write_all(&[byte]).await.unwrap();
        conversation.socket.flush().await.unwrap();
    }
    within(changes.recv()).await.unwrap();
    assert_eq!(client.replica().count("T"), 0);
}

#[tokio::test]
async fn a_reply_that_is_lost_leaves_the_outcome_unknown() {
    let fake = Fake::started().await;
    let client = Client::connect(fake.config());
    let mut conversation = fake.accept_plain().await;
    within(client.synced()).await;
    let (result, ()) = tokio::join!(within(client.transact(vec![Operation::comment("c")])), async {
        assert_eq!(conversation.hear().await.unwrap()["method"], "transact");
        drop(conversation);
    });
    assert_eq!(result, Err(TransactError::Unknown));
    let result = within(client.transact(vec![Operation::comment("c")])).await;
    assert_eq!(result, Err(TransactError::NotConnected));
    let _conversation = fake.accept_plain().await;
    within(client.status().wait_for(|status| status.synced)).await.unwrap();
}

#[tokio::test]
async fn garbage_ends_the_connection_and_everything_is_read_anew() {
    let fake = Fake::started().await;
    let mut config = fake.config();
    config.backoff_max = Duration::from_secs(1);
    let client = Client::connect(config);
    for garbage in
        ["nonsense", "{\"id\":}", "{\"id\":null,\"method\":\"update\",\"params\":[MONITOR,{\"T\":5}]}", "]"]
    {
        let mut conversation = fake.accept_plain().await;
        within(client.synced()).await;
        let mut status = client.status();
        let garbage = garbage.replace("MONITOR", &conversation.monitor.to_string());
        conversation.socket.write_all(garbage.as_bytes()).await.unwrap();
        within(status.wait_for(|status| !status.synced)).await.unwrap();
        assert_eq!(conversation.hear().await, None, "closed after {garbage}");
        assert_eq!(client.replica().count("T"), 1);
    }
    let error = client.status().borrow().last_error.clone().unwrap();
    assert!(error.starts_with("stream-garbage: "), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let fake = Fake::started().await;
    let mut config = fake.config();
    config.probe_interval = Duration::from_millis(50);
    let client = Client::connect(config);
    let mut conversation = fake.accept_plain().await;
    within(client.synced()).await;
    assert_eq!(conversation.hear().await.unwrap()["method"], "echo");
    assert_eq!(conversation.hear().await, None);
    let mut status = client.status();
    let status = within(status.wait_for(|status| status.last_error.is_some())).await.unwrap();
    assert!(status.last_error.as_ref().unwrap().starts_with("inactive: "));
}

#[tokio::test]
async fn a_server_that_does_not_read_makes_callers_wait_and_loses_nothing() {
    let fake = Fake::started().await;
    let client = Client::connect(fake.config());
    let mut conversation = fake.accept_plain().await;
    within(client.synced()).await;
    let text = "x".repeat(100_000);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (client, text) = (client.clone(), text.clone());
        tasks.spawn(async move { client.transact(vec![Operation::comment(text)]).await });
    }
    for _ in 0..200 {
        let request = conversation.hear().await.unwrap();
        conversation.say(json!({ "id": request["id"], "result": [{}], "error": null })).await;
    }
    while let Some(result) = within(tasks.join_next()).await {
        assert!(result.unwrap().is_ok());
    }
}

#[tokio::test]
async fn the_connection_ends_with_the_last_client() {
    let fake = Fake::started().await;
    let client = Client::connect(fake.config());
    let mut conversation = fake.accept_plain().await;
    let other = client.clone();
    drop(client);
    within(other.synced()).await;
    let mut changes = other.changes();
    drop(other);
    assert_eq!(conversation.hear().await, None);
    assert!(within(changes.recv()).await.is_err());
}
