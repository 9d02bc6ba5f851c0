//! A driver-agent as Octavia's: takes statuses, shows load balancers. One exchange a connection, `<decimal length>\n<JSON>`
//! both ways.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// What the agent has been told and what it shows.
#[derive(Default)]
struct Books {
    /// By load balancer id, as the get socket shows them.
    known: BTreeMap<String, Value>,
    /// The last provisioning and operating status of each object, by id.
    statuses: BTreeMap<String, (Option<String>, Option<String>)>,
    /// Every message as it came.
    messages: Vec<Value>,
    /// How often it was asked.
    asked: usize,
    /// When the answers under way end.
    under_way: Vec<Instant>,
    /// The most questions that were under way at once.
    most_at_once: usize,
    /// How long an answer takes, which shows what was so when the question came.
    takes: Duration,
    /// Statuses wait for their answer.
    held: bool,
}

/// An agent beside a host, at the sockets that [`crate::Host`] names.
pub struct Agent {
    books: Arc<Mutex<Books>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Agent {
    /// Starts it in a host's folder.
    pub fn start(folder: &Path) -> Self {
        let books = Arc::new(Mutex::new(Books::default()));
        let (for_status, for_get) = (books.clone(), books.clone());
        let tasks = vec![
            listen(&folder.join("status.sock"), move |message| {
                let mut books = for_status.lock().unwrap();
                (!books.held).then(|| (books.take(message.clone()), Duration::ZERO))
            }),
            listen(&folder.join("get.sock"), move |request| {
                let mut books = for_get.lock().unwrap();
                Some((books.show(request), books.takes))
            }),
        ];
        Self { books, tasks }
    }

    /// From now on Octavia knows this load balancer, an object as in `loadbalancer_create`.
    pub fn know(&self, loadbalancer: Value) {
        let id = loadbalancer["loadbalancer_id"].as_str().unwrap().to_owned();
        self.books.lock().unwrap().known.insert(id, loadbalancer);
    }

    /// Octavia has deleted it.
    pub fn forget(&self, id: &str) {
        self.books.lock().unwrap().known.remove(id);
    }

    /// The last provisioning and operating status of an object.
    pub fn status(&self, id: &str) -> (Option<String>, Option<String>) {
        self.books.lock().unwrap().statuses.get(id).cloned().unwrap_or_default()
    }

    /// The last operating status of an object; empty where none has come.
    pub fn operating(&self, id: &str) -> String {
        self.status(id).1.unwrap_or_default()
    }

    /// How often it was asked what Octavia knows.
    pub fn asked(&self) -> usize {
        self.books.lock().unwrap().asked
    }

    /// The most questions about what Octavia knows that were under way at once.
    pub fn most_asked_at_once(&self) -> usize {
        self.books.lock().unwrap().most_at_once
    }

    /// From now on an answer takes so long.
    pub fn takes(&self, takes: Duration) {
        self.books.lock().unwrap().takes = takes;
    }

    /// Whether statuses wait, as they do while somebody else has the load balancer's row.
    pub fn hold_statuses(&self, hold: bool) {
        self.books.lock().unwrap().held = hold;
    }

    /// Every message so far.
    pub fn messages(&self) -> Vec<Value> {
        self.books.lock().unwrap().messages.clone()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Books {
    fn take(&mut self, message: Value) -> Value {
        let records = message.as_object().unwrap().values().flat_map(|records| records.as_array().unwrap());
        for record in records {
            let text = |key: &str| record[key].as_str().map(str::to_owned);
            let status = self.statuses.entry(text("id").unwrap()).or_default();
            status.0 = text("provisioning_status").or(status.0.take());
            status.1 = text("operating_status").or(status.1.take());
        }
        // One without records only asks whether anybody is there.
        let has_records = |records: &Value| records.as_array().is_some_and(|records| !records.is_empty());
        if message.as_object().unwrap().values().any(has_records) {
            self.messages.push(message);
        }
        json!({ "status_code": 200 })
    }

    fn show(&mut self, request: &Value) -> Value {
        let id = request["id"].as_str().unwrap();
        // The nil id only asks whether anybody is there.
        if id != uuid::Uuid::nil().to_string() {
            self.asked += 1;
            let now = Instant::now();
            self.under_way.retain(|end| *end > now);
            self.under_way.push(now + self.takes);
            self.most_at_once = self.most_at_once.max(self.under_way.len());
        }
        match request["object"].as_str().unwrap() {
            "loadbalancers" => self.known.get(id).cloned().unwrap_or(json!({})),
            _ => self.known.values().find_map(|lb| find(lb, id)).unwrap_or(json!({})),
        }
    }
}

/// An object inside another, by its id.
fn find(value: &Value, id: &str) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let own = ["listener_id", "pool_id", "member_id", "healthmonitor_id", "l7policy_id", "l7rule_id"];
            // An object's own id comes first in what it is; parents' ids stand beside it.
            let kind = own.into_iter().find(|key| map.get(*key).and_then(Value::as_str) == Some(id));
            let is_own = kind.is_some_and(|key| match key {
                "pool_id" => !map.contains_key("member_id") && !map.contains_key("healthmonitor_id"),
                "listener_id" => !map.contains_key("pool_id") && !map.contains_key("l7policy_id"),
                "l7policy_id" => !map.contains_key("l7rule_id"),
                _ => true,
            });
            if is_own { Some(value.clone()) } else { map.values().find_map(|inner| find(inner, id)) }
        }
        Value::Array(list) => list.iter().find_map(|inner| find(inner, id)),
        _ => None,
    }
}

fn listen(
    path: &Path,
    answer: impl Fn(&Value) -> Option<(Value, Duration)> + Clone + Send + 'static,
) -> JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(exchange(stream, answer.clone()));
        }
    })
}

async fn exchange(mut stream: UnixStream, answer: impl Fn(&Value) -> Option<(Value, Duration)>) {
    let Some(request) = read(&mut stream).await else { return };
    let (body, takes) = loop {
        match answer(&request) {
            Some(answer) => break answer,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    tokio::time::sleep(takes).await;
    let body = body.to_string();
    let _ = stream.write_all(format!("{}\n{body}", body.len()).as_bytes()).await;
}

async fn read(stream: &mut UnixStream) -> Option<Value> {
    let mut length = 0;
    loop {
        match stream.read_u8().await.ok()? {
            b'\n' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
