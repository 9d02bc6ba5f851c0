//! Every status arrives, whatever the agent does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::UnixListener};
use uuid::Uuid;
use weir_octavia::agent::{
    AgentError, DispatcherSettings,
    ObjectKind::{Listener, LoadBalancer, Member, Pool},
    StatusMessage, StatusRecord, StatusUpdate,
};

use crate::{
    fake_agent::{FakeAgent, Reply, framed, until},
    octavia::{Case, Id, created, status},
};

const LONG: Duration = Duration::from_secs(60);

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn lb(n: u128) -> Id {
    (LoadBalancer, id(n))
}

/// Whether a message, and not a question, names this object.
fn names(message: &Value, (kind, id): Id) -> bool {
    message[kind.plural()]
        .as_array()
        .is_some_and(|records| records.iter().any(|record| record["id"] == json!(id)))
}

#[tokio::test]
async fn sockets_may_come_later_and_go_and_come_again() {
    let mut case = Case::new(LONG);
    case.dispatcher.enqueue(vec![status(1, id(1), lb(1), "ACTIVE"), created(2, id(1), (Listener, id(2)))]);
    case.octavia.commit(id(1), (Listener, id(2)));
    let told = case.told.clone();
    until("a few attempts", || async {
        told.sending.load(SeqCst) > 0 || case.dispatcher.backlog().last_error.is_some()
    })
    .await;
    assert_eq!(case.dispatcher.backlog().waiting, 2);
    case.start();
    told.back(1..=2).await;
    case.fake.stop();
    case.dispatcher.enqueue(vec![status(3, id(1), lb(1), "ERROR")]);
    until("a failure", || async { told.failures().contains("agent-io") }).await;
    case.start();
    told.back(1..=3).await;
    assert_eq!(case.octavia.status(lb(1)).as_deref(), Some("ERROR"));
    assert_eq!(case.octavia.status((Listener, id(2))).as_deref(), Some("ACTIVE"));
    assert_eq!(case.dispatcher.backlog().waiting, 0);
    assert_eq!(told.sending.load(SeqCst), told.sent.lock().unwrap().len());
}

#[tokio::test]
async fn half_answers_and_nonsense_are_not_taken_for_answers() {
    let mut case = Case::new(LONG);
    let whole = framed(&json!({ "status_code": 200 }));
    let answers: Vec<Vec<u8>> = vec![
        vec![],
        whole[..1].to_vec(),
        whole[..5].to_vec(),
        b"5\n".to_vec(),
        b"99999999999999999999999999".to_vec(),
        b"-1\n{}".to_vec(),
        b"999999999999\n{}".to_vec(),
        b"3\n{}}".to_vec(),
        framed(&json!({ "status": 200 })),
        framed(&json!("200")),
    ];
    let (agent, count) = (case.fake.client(LONG), answers.len());
    let mut left: Vec<_> = answers.iter().cycle().take(2 * count).cloned().collect();
    case.octavia.whim(move |_| Some(Reply::Bytes(left.pop()?)));
    case.start();
    for answer in 0..count {
        let error = agent.send_status(&StatusMessage::default()).await.unwrap_err();
        assert_eq!(error.code(), "agent-malformed", "{answer}: {error}");
    }
    // For the get socket any object is an answer.
    let mut malformed = 0;
    for _ in 0..count {
        malformed += u32::from(
            agent.get(LoadBalancer, id(1)).await.is_err_and(|error| error.code() == "agent-malformed"),
        );
    }
    assert_eq!(malformed as usize, count - 1);
}

#[tokio::test]
async fn a_message_whose_answer_is_half_is_sent_again_though_it_was_carried_out() {
    let mut case = Case::new(LONG);
    let octavia = case.octavia.clone();
    let mut left = 3;
    case.octavia.whim(move |message| {
        message.get("members").filter(|_| left > 0)?;
        left -= 1;
        octavia.apply(message, |_| false);
        Some(Reply::Bytes(b"20\n{".to_vec()))
    });
    case.start();
    case.dispatcher
        .enqueue(vec![status(1, id(1), lb(1), "ACTIVE"), status(2, id(1), (Member, id(3)), "ACTIVE")]);
    case.told.back(1..=2).await;
    assert_eq!(case.told.failures().into_iter().collect::<Vec<_>>(), ["agent-malformed"]);
    assert_eq!((case.octavia.times(lb(1)), case.octavia.times((Member, id(3)))), (4, 4));
}

#[tokio::test]
async fn the_agent_may_die_in_the_middle_of_an_answer() {
    let mut case = Case::new(LONG);
    let half = framed(&json!({ "status_code": 200 }))[..8].to_vec();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    case.octavia.whim(move |_| {
        count.fetch_add(1, SeqCst);
        Some(Reply::Bytes(half.clone()))
    });
    case.start();
    case.dispatcher.enqueue(
        (1..=20_u32).map(|n| status(n.into(), id(n.into()), lb(n.into()), "ACTIVE")).collect::<Vec<_>>(),
    );
    case.dispatcher.enqueue(vec![created(21, id(1), (Pool, id(100)))]);
    case.octavia.commit(id(1), (Pool, id(100)));
    until("attempts", || async { asked.load(SeqCst) > 3 }).await;
    case.fake.stop();
    case.octavia.whim(|_| None);
    case.start();
    case.told.back(1..=21).await;
}

#[tokio::test]
async fn one_request_without_answer_holds_back_nobody_else() {
    let mut case = Case::new(Duration::from_millis(200));
    let hangs = Arc::new(AtomicUsize::new(0));
    let count = hangs.clone();
    let stuck = lb(7);
    case.octavia.whim(move |message| {
        let about = names(message, stuck) || message["id"] == json!(id(8));
        (about && count.fetch_add(1, SeqCst) < 6).then_some(Reply::Never)
    });
    // One whose row is locked, and one that cannot be read.
    case.octavia.commit(id(8), (Listener, id(80)));
    case.start();
    case.dispatcher.enqueue(vec![status(1, id(7), stuck, "ACTIVE"), created(2, id(8), (Listener, id(80)))]);
    for n in 10..40 {
        case.octavia.commit(id(n), (Pool, id(n + 1_000)));
        let updates = vec![
            status(2 * n as u64, id(n), lb(n), "ACTIVE"),
            created(2 * n as u64 + 1, id(n), (Pool, id(n + 1_000))),
        ];
        case.dispatcher.enqueue(updates);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told = case.told.clone();
    until("the others", || async {
        told.delivered.lock().unwrap().iter().filter(|seq| **seq >= 20).count() == 60
    })
    .await;
    let expected: Vec<u64> = [1, 2].into_iter().chain(20..80).collect();
    told.back(expected).await;
    assert!(hangs.load(SeqCst) >= 6);
}

#[tokio::test]
async fn a_refused_record_in_the_middle_is_tried_again_and_the_rest_goes_on() {
    let mut case = Case::new(LONG);
    let octavia = case.octavia.clone();
    let bad = (Listener, id(50));
    let mut refusals = 5;
    case.octavia.whim(move |message| {
        message.get("members")?;
        let fails = refusals > 0;
        refusals -= u32::from(fails && names(message, bad));
        Some(Reply::Json(octavia.apply(message, |id| fails && id == bad)))
    });
    case.start();
    let mut updates: Vec<StatusUpdate> = Vec::new();
    for n in 1..=100 {
        updates.push(status(n as u64, id(1), (Listener, id(n)), "ACTIVE"));
    }
    updates.push(status(101, id(1), lb(1), "ACTIVE"));
    updates.push(status(102, id(1), (Member, id(200)), "ACTIVE"));
    case.dispatcher.enqueue(updates);
    case.told.back(1..=102).await;
    assert_eq!(case.told.failures().into_iter().collect::<Vec<_>>(), ["agent-refused"]);
    for n in 1..=100 {
        assert_eq!(case.octavia.status((Listener, id(n))).as_deref(), Some("ACTIVE"), "{n}");
    }
    // What was carried out before the failing record is not sent again.
    assert_eq!((case.octavia.times((Member, id(200))), case.octavia.times((Listener, id(2)))), (1, 1));
}

#[tokio::test]
async fn statuses_of_new_objects_wait_until_octavia_has_them() {
    let mut case = Case::new(LONG);
    case.start();
    // A load balancer that is being created, and a listener in one that is there.
    case.octavia.commit(id(2), lb(2));
    case.dispatcher.enqueue(vec![
        created(1, id(1), lb(1)),
        created(2, id(1), (Pool, id(11))),
        created(3, id(2), (Listener, id(21))),
        status(4, id(2), lb(2), "ACTIVE"),
    ]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(case.told.sending.load(SeqCst), 0);
    case.octavia.commit(id(2), (Listener, id(21)));
    until("the listener", || async { case.octavia.status((Listener, id(21))).is_some() }).await;
    case.octavia.commit(id(1), (Pool, id(11)));
    case.told.back(1..=4).await;
    assert!(case.told.missing.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_octavia_rolled_back_is_told_long_before_it_is_given_up() {
    let mut case = Case::new(LONG);
    case.octavia.commit(id(1), lb(1));
    case.start();
    let lost = created(1, id(1), (Listener, id(2)));
    case.dispatcher.enqueue(vec![lost.clone()]);
    case.dispatcher.enqueue(vec![status(2, id(1), lb(1), "ACTIVE")]);
    case.told.back(1..=2).await;
    assert_eq!(*case.told.missing.lock().unwrap(), [lost]);
}

#[tokio::test]
async fn what_octavia_never_knows_is_given_up_when_the_caller_says() {
    let settings = DispatcherSettings { unknown_after: Duration::from_secs(1) };
    let mut case = Case::with(LONG, settings);
    case.start();
    let lost = created(1, id(1), lb(1));
    case.dispatcher.enqueue(vec![lost.clone()]);
    case.told.back(1..=1).await;
    assert_eq!(*case.told.missing.lock().unwrap(), [lost]);
    assert_eq!(case.told.sending.load(SeqCst), 0);
}

#[tokio::test]
async fn a_load_balancer_that_is_gone_is_not_deleted_again() {
    let mut case = Case::new(LONG);
    case.octavia.commit(id(1), lb(1));
    case.start();
    case.dispatcher.enqueue(vec![status(1, id(1), lb(1), "DELETED"), status(2, id(2), lb(2), "DELETED")]);
    case.told.back(1..=2).await;
    assert_eq!(case.octavia.status(lb(1)).as_deref(), Some("DELETED"));
    assert_eq!(case.octavia.status(lb(2)), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_statuses_all_arrive() {
    let mut case = Case::new(LONG);
    let octavia = case.octavia.clone();
    let mut n = 0_u32;
    // Every tenth exchange goes wrong in its own way.
    case.octavia.whim(move |message| {
        n += 1;
        match n % 40 {
            7 => Some(Reply::Bytes(vec![])),
            17 => {
                message.get("members")?;
                octavia.apply(message, |_| false);
                Some(Reply::Bytes(b"21\n{".to_vec()))
            }
            27 if message.get("members").is_some() => {
                let bad = message["pools"].as_array()?.first()?["id"].as_str()?.parse().ok()?;
                Some(Reply::Json(octavia.apply(message, |id| id == (Pool, bad))))
            }
            _ => None,
        }
    });
    let mut seq = 0;
    let mut next = || {
        seq += 1;
        seq
    };
    for n in 1..=300 {
        let mut updates = vec![created(next(), id(n), lb(n))];
        case.octavia.commit(id(n), lb(n));
        for child in 0..10 {
            let child = ([Listener, Pool, Member][child % 3], id(n * 1_000 + child as u128));
            case.octavia.commit(id(n), child);
            updates.push(created(next(), id(n), child));
        }
        case.dispatcher.enqueue(updates);
        if n == 100 {
            case.start();
        }
        if n % 3 == 0 {
            case.dispatcher.enqueue(vec![status(next(), id(n), lb(n), "ERROR")]);
        }
        if n % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    case.told.back(1..=seq).await;
    for n in 1..=300 {
        let expected = if n % 3 == 0 { "ERROR" } else { "ACTIVE" };
        assert_eq!(case.octavia.status(lb(n)).as_deref(), Some(expected), "{n}");
        for child in 0..10 {
            let child = ([Listener, Pool, Member][child % 3], id(n * 1_000 + child as u128));
            assert_eq!(case.octavia.status(child).as_deref(), Some("ACTIVE"), "{child:?}");
        }
    }
    assert!(case.told.missing.lock().unwrap().is_empty());
    assert_eq!(case.fake.halves.load(SeqCst), 0);
}

/// A child of the agent waits for the rest of a request for ever.
#[tokio::test]
async fn a_message_is_written_whole_though_nobody_waits_for_it_any_more() {
    let fake = FakeAgent::new();
    let agent = fake.client(Duration::from_millis(50));
    let listener = UnixListener::bind(fake.socket("status.sock")).unwrap();
    // More than a socket holds.
    let record =
        |n| StatusRecord { kind: Member, id: id(n), provisioning: Some("ACTIVE".into()), operating: None };
    let message = StatusMessage { records: (0..20_000).map(record).collect() };
    let expected = framed(&message.to_json());
    let sent = agent.send_status(&message).await;
    assert!(matches!(sent, Err(AgentError::Timeout { .. })), "{sent:?}");
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut read = vec![0; expected.len()];
    stream.read_exact(&mut read).await.unwrap();
    assert!(read == expected);
}
