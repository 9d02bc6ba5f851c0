//! Headers, refusals of the provider, faults.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use serde_json::json;
use weir_octavia::{ApiSettings, ErrorClass, Refusal, Transport, router};

use crate::recorder::{Answer, LB, MAX_BODY, Recorder, api, get, post, send};

fn failover() -> Body {
    Body::from(json!({ "loadbalancer_id": LB }).to_string())
}

async fn with(recorder: &Arc<Recorder>, header: &str, value: &[u8]) -> Answer {
    let request = Request::post("/v1/driver/loadbalancer_failover")
        .header(header, HeaderValue::from_bytes(value).unwrap())
        .body(failover())
        .unwrap();
    send(api(recorder), request).await
}

#[tokio::test]
async fn an_idempotency_key_has_up_to_128_printable_characters() {
    let recorder = Arc::new(Recorder::default());
    let longest = "k".repeat(128);
    for good in ["k", "a b/c", longest.as_str()] {
        assert_eq!(with(&recorder, "Idempotency-Key", good.as_bytes()).await.status, StatusCode::OK);
        let (_, context) = recorder.calls.lock().unwrap().pop().unwrap();
        assert_eq!(context.idempotency_key.as_deref(), Some(good));
    }
    for bad in [&b""[..], "k".repeat(129).as_bytes(), "é".as_bytes(), b"a\tb", b"\xff"] {
        let answer = with(&recorder, "Idempotency-Key", bad).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (StatusCode::BAD_REQUEST, "bad-idempotency-key")
        );
    }
    assert!(recorder.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_id_is_carried_and_a_strange_one_dropped() {
    let recorder = Arc::new(Recorder::default());
    let long = "r".repeat(129);
    for (id, wanted) in [("req-1", Some("req-1")), (long.as_str(), None), ("é", None)] {
        assert_eq!(with(&recorder, "X-Openstack-Request-Id", id.as_bytes()).await.status, StatusCode::OK);
        let (_, context) = recorder.calls.lock().unwrap().pop().unwrap();
        assert_eq!((context.request_id.as_deref(), context.idempotency_key), (wanted, None));
    }
}

#[tokio::test]
async fn a_call_whose_caller_has_given_up_is_refused() {
    let recorder = Arc::new(Recorder::default());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let late = with(&recorder, "Weir-Expires", (now - 0.5).to_string().as_bytes()).await;
    assert_eq!((late.status, late.error().0.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "call-expired"));
    for bad in ["soon", "-1", "nan", "1e400", ""] {
        let answer = with(&recorder, "Weir-Expires", bad.as_bytes()).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (StatusCode::BAD_REQUEST, "bad-expiry"),
            "{bad}"
        );
    }
    assert!(recorder.calls.lock().unwrap().is_empty());
    assert_eq!(
        with(&recorder, "Weir-Expires", (now + 60.0).to_string().as_bytes()).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn any_content_type_will_do() {
    let recorder = Arc::new(Recorder::default());
    assert_eq!(with(&recorder, "Content-Type", b"text/plain").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refusal_comes_out_as_it_is() {
    for (refusal, status, word) in [
        (Refusal::unsupported("a-b", "no"), 422, "UnsupportedOptionError"),
        (Refusal::not_implemented("a-b", "no"), 501, "NotImplementedError"),
        (Refusal::driver("a-b", "no"), 500, "DriverError"),
        (Refusal::not_found("a-b", "no"), 404, "NotFound"),
        (Refusal::malformed("a-b", "no"), 400, "DriverError"),
        (Refusal::unavailable("a-b", "no"), 503, "DriverError"),
        (Refusal::conflict("a-b", "no"), 409, "Conflict"),
        (Refusal::new(ErrorClass::TooLarge, "a-b", "no"), 413, "DriverError"),
    ] {
        let recorder = Arc::new(Recorder::default());
        *recorder.refusal.lock().unwrap() = Some(refusal.operator("for the log"));
        let answer = post(&recorder, "/v1/driver/loadbalancer_failover", failover()).await;
        assert_eq!(answer.status.as_u16(), status);
        let wanted = json!({ "error": word, "code": "a-b", "user_fault_string": "no", "operator_fault_string": "for the log" });
        assert_eq!(answer.json(), wanted);
    }
}

#[tokio::test]
async fn a_fault_is_an_answer() {
    let recorder = Arc::new(Recorder { panics: true, ..Recorder::default() });
    let answer = post(&recorder, "/v1/driver/loadbalancer_failover", failover()).await;
    assert_eq!(
        (answer.status, answer.error().0.as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal-fault")
    );
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_a_change() {
    let gate = (tokio::sync::Semaphore::new(0), tokio::sync::Semaphore::new(0));
    let recorder = Arc::new(Recorder { gate: Some(gate), ..Recorder::default() });
    let call = tokio::spawn({
        let recorder = recorder.clone();
        async move { post(&recorder, "/v1/driver/loadbalancer_failover", failover()).await }
    });
    let (running, go) = recorder.gate.as_ref().unwrap();
    running.acquire().await.unwrap().forget();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    go.add_permits(1);
    let done = async {
        while recorder.calls.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done)
        .await
        .expect("the change was dropped with its caller");
}

#[tokio::test]
async fn the_token_is_needed_except_on_the_unix_socket_and_with_a_client_certificate() {
    let recorder = Arc::new(Recorder::default());
    let settings = ApiSettings { max_body: MAX_BODY, token: Some("s3cret".to_owned()) };
    assert!(!format!("{settings:?}").contains("s3cret"));
    let router = router(recorder.clone(), settings);
    for (transport, authorization, status) in [
        (Some(Transport::Unix), None, 200),
        (Some(Transport::Tcp), None, 401),
        (Some(Transport::Tls { client_verified: true }), None, 200),
        (Some(Transport::Tls { client_verified: true }), Some("Bearer wrong"), 200),
        (Some(Transport::Tls { client_verified: false }), None, 401),
        (Some(Transport::Tls { client_verified: false }), Some("Bearer s3cret"), 200),
        (None, None, 401),
        (Some(Transport::Tcp), Some("Bearer s3cret"), 200),
        (Some(Transport::Tcp), Some("bearer s3cret"), 200),
        (Some(Transport::Tcp), Some("Bearer s3cre"), 401),
        (Some(Transport::Tcp), Some("Bearer s3crets"), 401),
        (Some(Transport::Tcp), Some("Basic s3cret"), 401),
        (Some(Transport::Tcp), Some("s3cret"), 401),
        (Some(Transport::Tcp), Some(""), 401),
    ] {
        for path in ["/v1/loadbalancers", "/metrics", "/openapi.json"] {
            let mut request = Request::get(path);
            if let Some(authorization) = authorization {
                request = request.header("Authorization", authorization);
            }
            let mut request = request.body(Body::empty()).unwrap();
            transport.map(|transport| request.extensions_mut().insert(transport));
            let answer = send(router.clone(), request).await;
            assert_eq!(answer.status.as_u16(), status, "{transport:?} {authorization:?} {path}");
            if status == 401 {
                assert_eq!(answer.error().0, "unauthorized");
            }
        }
    }
    // Without a token nobody needs one.
    assert_eq!(get(&recorder, "/v1/loadbalancers").await.status, StatusCode::OK);
}
