//! A driver-agent that knows the load balancers it is told.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

/// The agent; ends with the runtime.
pub struct FakeAgent {
    known: Arc<Mutex<BTreeSet<String>>>,
    statuses: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl FakeAgent {
    pub async fn start(folder: &Path) -> Self {
        let known = Arc::new(Mutex::new(BTreeSet::new()));
        let statuses = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::new(AtomicUsize::new(0));
        for name in ["get", "status"] {
            let listener = UnixListener::bind(folder.join(format!("{name}.sock"))).unwrap();
            let (known, statuses, asked) = (known.clone(), statuses.clone(), asked.clone());
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(answer(stream, name, known.clone(), statuses.clone(), asked.clone()));
                }
            });
        }
        Self { known, statuses, asked }
    }

    /// Octavia has committed this load balancer.
    pub fn knows(&self, lb: &str) {
        self.known.lock().unwrap().insert(lb.to_owned());
    }

    /// How often it was asked for an object.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The provisioning statuses that were sent for a load balancer.
    pub fn statuses(&self, lb: &str) -> Vec<String> {
        let messages = self.statuses.lock().unwrap();
        let records = messages.iter().filter_map(|message| message["loadbalancers"].as_array()).flatten();
        let of = records.filter(|record| record["id"] == lb);
        of.filter_map(|record| record["provisioning_status"].as_str().map(str::to_owned)).collect()
    }
}

async fn answer(
    stream: UnixStream,
    name: &str,
    known: Arc<Mutex<BTreeSet<String>>>,
    statuses: Arc<Mutex<Vec<Value>>>,
    questions: Arc<AtomicUsize>,
) {
    let mut stream = BufReader::new(stream);
    let mut length = String::new();
    stream.read_line(&mut length).await.unwrap();
    let Ok(length) = length.trim().parse() else { return };
    let mut body: Vec<u8> = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    // The host also asks for the nil id, to see whether the agent is there.
    let counts = name == "get" && asked["id"] != uuid::Uuid::nil().to_string();
    questions.fetch_add(usize::from(counts), Ordering::SeqCst);
    let answer = match name {
        "get" if known.lock().unwrap().contains(asked["id"].as_str().unwrap()) => json!({
            "loadbalancer_id": asked["id"], "name": "web", "admin_state_up": true, "vip_address": "10.10.10.5",
            "vip_network_id": weir_tests::objects::NETWORK, "vip_subnet_id": weir_tests::objects::SUBNET,
            "listeners": [], "pools": [], "additional_vips": [],
        }),
        "get" => json!({}),
        _ => {
            statuses.lock().unwrap().push(asked);
            json!({"status_code": 200})
        }
    };
    let answer = answer.to_string();
    stream.write_all(format!("{}\n{answer}", answer.len()).as_bytes()).await.unwrap();
}
