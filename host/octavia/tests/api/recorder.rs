//! A provider that records, and what the tests need to call it.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Mutex;
use tower::ServiceExt;
use weir_model::{Change, LoadBalancerId};
use weir_octavia::{
    Accepted, ApiSettings, CallContext, ChangeProgress, ChangeState, Condition, Provider, Readiness, Refusal,
    ReleaseRequest, SyncRequest, router,
};

/// The largest body that the tests' router takes.
pub const MAX_BODY: usize = 256 * 1024;

#[derive(Default)]
pub struct Recorder {
    pub calls: Mutex<Vec<(Change, CallContext)>>,
    pub reconciled: Mutex<Vec<(LoadBalancerId, bool)>>,
    pub refusal: Mutex<Option<Refusal>>,
    /// Creates that were refused: which load balancer, which code.
    pub refused: Mutex<Vec<(LoadBalancerId, String)>>,
    pub panics: bool,
    pub unready: bool,
    /// Where it is there: a call says that it runs, then waits until it may go on.
    pub gate: Option<(tokio::sync::Semaphore, tokio::sync::Semaphore)>,
}

#[async_trait::async_trait]
impl Provider for Recorder {
    async fn change(&self, change: Change, call: CallContext) -> Result<Accepted, Refusal> {
        assert!(!self.panics, "the provider fails");
        if let Some((running, go)) = &self.gate {
            running.add_permits(1);
            go.acquire().await.unwrap().forget();
        }
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let mut calls = self.calls.lock().unwrap();
        calls.push((change, call));
        Ok(Accepted { change: format!("c-{}", calls.len()), committed: true })
    }

    fn create_refused(&self, lb: LoadBalancerId, refusal: &Refusal) {
        self.refused.lock().unwrap().push((lb, refusal.code.clone()));
    }

    async fn change_state(&self, id_or_key: &str) -> Option<ChangeState> {
        (id_or_key == "key 1/a").then(|| state(id_or_key, ChangeProgress::Pending))
    }

    async fn abandon(&self, id_or_key: &str) -> Result<ChangeState, Refusal> {
        Ok(state(id_or_key, ChangeProgress::Abandoned))
    }

    fn load_balancers(&self) -> Value {
        json!([])
    }

    fn load_balancer(&self, id: LoadBalancerId) -> Option<Value> {
        (id.to_string() == LB).then(|| json!({ "id": id }))
    }

    async fn sync(&self, request: SyncRequest) -> Result<Value, Refusal> {
        Ok(json!({ "dry_run": request.dry_run }))
    }

    async fn release(&self, request: ReleaseRequest) -> Result<Value, Refusal> {
        Ok(json!({ "dry_run": request.dry_run }))
    }

    async fn reconcile(&self, id: LoadBalancerId, dry_run: bool) -> Result<Value, Refusal> {
        self.reconciled.lock().unwrap().push((id, dry_run));
        Ok(json!({ "operations": [] }))
    }

    async fn pause(&self, lb: Option<LoadBalancerId>, paused: bool) -> Result<Value, Refusal> {
        Ok(json!({ "of": lb, "paused": paused }))
    }

    fn plugins(&self) -> Value {
        json!([{ "name": "tcp" }])
    }

    async fn plugins_reload(&self) -> Result<Value, Refusal> {
        Ok(json!({ "outcome": "unchanged" }))
    }

    async fn plugins_confirm(&self, set: &str) -> Result<Value, Refusal> {
        match set {
            "waiting" => Ok(json!({ "outcome": "swapped", "set": set })),
            _ => Err(Refusal::not_found("plugin-set-not-found", "no such set waits")),
        }
    }

    fn readiness(&self) -> Readiness {
        let detail = "as told".to_owned();
        let conditions = vec![Condition { name: "replica-synced".to_owned(), ok: !self.unready, detail }];
        Readiness { ready: !self.unready, conditions }
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
}

fn state(id: &str, state: ChangeProgress) -> ChangeState {
    ChangeState { id: id.to_owned(), state, method: None, loadbalancer_id: None, detail: None }
}

pub const LB: &str = "10000000-0000-4000-8000-000000000001";
pub const LISTENER: &str = "20000000-0000-4000-8000-000000000001";
pub const POOL: &str = "30000000-0000-4000-8000-000000000001";
pub const MEMBER: &str = "40000000-0000-4000-8000-000000000001";
pub const MONITOR: &str = "50000000-0000-4000-8000-000000000001";

/// An answer: status, headers and body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Checks that this is an error in the form of all errors, and gives code and user text.
    pub fn error(&self) -> (String, String) {
        let body = self.json();
        let field = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name}: {body}")).to_owned();
        let words = ["UnsupportedOptionError", "NotImplementedError", "DriverError", "NotFound", "Conflict"];
        assert!(words.contains(&field("error").as_str()), "{body}");
        assert!(!field("operator_fault_string").is_empty());
        let code = field("code");
        assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{code}");
        (code, field("user_fault_string"))
    }
}

pub fn api(recorder: &Arc<Recorder>) -> Router {
    router(recorder.clone(), ApiSettings { max_body: MAX_BODY, token: None })
}

pub async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

pub async fn post(recorder: &Arc<Recorder>, path: &str, body: impl Into<Body>) -> Answer {
    send(api(recorder), Request::post(path).body(body.into()).unwrap()).await
}

pub async fn get(recorder: &Arc<Recorder>, path: &str) -> Answer {
    send(api(recorder), Request::get(path).body(Body::empty()).unwrap()).await
}

/// Calls a method; what the provider was asked for, or the answer where it was not.
pub async fn driver(method: &str, args: &Value) -> Result<Change, Answer> {
    let recorder = Arc::new(Recorder::default());
    let answer = post(&recorder, &format!("/v1/driver/{method}"), args.to_string()).await;
    let mut calls = recorder.calls.lock().unwrap();
    let known = weir_octavia::METHODS.iter().find(|known| known.name == method);
    let changes = known.is_some_and(|known| matches!(known.answer, weir_octavia::Answer::Change(_)));
    if answer.status == StatusCode::OK && changes {
        assert_eq!(answer.json(), json!({ "change": "c-1", "committed": true }));
        let (change, context) = calls.pop().expect("a 200 without a change");
        assert_eq!(context.method, method);
        assert_eq!(change.method(), method);
        Ok(change)
    } else {
        assert!(calls.is_empty(), "a refused call reached the provider");
        Err(answer)
    }
}

/// The bodies of real driver calls: label, method and arguments.
pub fn recorded() -> Vec<(String, String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/octavia/calls");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 87);
    let read = |path: PathBuf| {
        let call: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let label = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (label, call["method"].as_str().unwrap().to_owned(), call["args"].clone())
    };
    files.into_iter().map(read).collect()
}

/// One recorded body by the beginning of its label.
pub fn recorded_args(label: &str) -> Value {
    let found = recorded().into_iter().find(|(name, ..)| name.starts_with(label));
    found.unwrap_or_else(|| panic!("no body {label}")).2
}
