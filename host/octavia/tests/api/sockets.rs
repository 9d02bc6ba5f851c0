//! Real sockets.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};
use weir_octavia::{Bound, Listen, bind, serve};

use crate::{
    recorder::{MAX_BODY, Recorder},
    server::{exchange, failover, start},
};

async fn unix(path: &Path) -> Bound {
    bind(&Listen::Unix(path.to_owned())).await.unwrap()
}

#[tokio::test]
async fn both_kinds_of_sockets_serve_and_keep_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/here/provider.sock");
    let recorder = Arc::new(Recorder::default());
    let tcp = bind(&"tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Listen::Tcp(address) = tcp.listen().clone() else { panic!() };
    assert!(!address.ends_with(":0"), "{address}");
    let server = start(&recorder, vec![unix(&path).await, tcp], None, Some("s3cret"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);

    let mut local = UnixStream::connect(&path).await.unwrap();
    for _ in 0..3 {
        assert!(exchange(&mut local, &failover()).await.starts_with("HTTP/1.1 200"));
    }
    let mut remote = TcpStream::connect(&address).await.unwrap();
    assert!(exchange(&mut remote, &failover()).await.starts_with("HTTP/1.1 401"));
    let mut remote = TcpStream::connect(&address).await.unwrap();
    let allowed = failover().replace("Host: weir", "Host: weir\r\nAuthorization: Bearer s3cret");
    for _ in 0..3 {
        assert!(exchange(&mut remote, &allowed).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(recorder.calls.lock().unwrap().len(), 6);

    server.end.send(()).unwrap();
    server.served.await.unwrap().unwrap();
    assert_eq!(local.read(&mut [0; 16]).await.unwrap(), 0, "an idle connection is closed at the end");
    assert!(!path.exists(), "the socket's file goes with the socket");
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn a_running_call_finishes_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let recorder =
        Arc::new(Recorder { gate: Some((Semaphore::new(0), Semaphore::new(0))), ..Recorder::default() });
    let server = start(&recorder, vec![unix(&path).await], None, None);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let call = tokio::spawn(async move { exchange(&mut stream, &failover()).await });
    let (running, go) = recorder.gate.as_ref().unwrap();
    running.acquire().await.unwrap().forget();
    server.end.send(()).unwrap();
    // The file goes when no more connections are taken; the call is still running then.
    let gone = async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert!(!server.served.is_finished());
    go.add_permits(1);
    assert!(call.await.unwrap().starts_with("HTTP/1.1 200"));
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_large_body_is_refused_with_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let server = start(&Arc::new(Recorder::default()), vec![unix(&path).await], None, None);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let length = 2 * MAX_BODY;
    let head =
        format!("POST /v1/driver/listener_create HTTP/1.1\r\nHost: weir\r\nContent-Length: {length}\r\n\r\n");
    let answer = exchange(&mut stream, &(head + &" ".repeat(length))).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    drop(stream);
    server.end.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    // A listener that goes without removing its file, as one does that is killed.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = unix(&path).await;
    let error = bind(&Listen::Unix(path.clone())).await.unwrap_err();
    assert_eq!(error.code(), "listen-in-use");
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let recorder = Arc::new(Recorder::default());
    // Bound before it serves: a client that came in between is answered.
    let server = start(&recorder, vec![first], None, None);
    assert!(exchange(&mut stream, &failover()).await.starts_with("HTTP/1.1 200"));
    drop(stream);
    server.end.send(()).unwrap();
    server.served.await.unwrap().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    let error = bind(&Listen::Unix(path.clone())).await.unwrap_err();
    assert_eq!(error.code(), "listen-not-a-socket");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}

#[tokio::test]
async fn the_file_of_a_successor_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let first = unix(&path).await;
    std::fs::remove_file(&path).unwrap();
    let second = unix(&path).await;
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[tokio::test]
async fn nothing_to_serve_on_is_an_error() {
    let served = serve(Vec::new(), None, axum::Router::new(), std::future::pending()).await;
    assert_eq!(served.unwrap_err().code(), "serve-no-socket");
}

#[test]
fn where_to_listen() {
    for good in ["unix:/run/weir/provider.sock", "tcp:127.0.0.1:9876", "tcp:[::1]:9876", "tcp:localhost:0"] {
        assert_eq!(good.parse::<Listen>().unwrap().to_string(), good);
    }
    for bad in [
        "",
        "unix:",
        "unix:relative",
        "unix:/folder/",
        "tcp:",
        "tcp:host",
        "tcp::80",
        "tcp:::1:80",
        "tcp:h:70000",
        "tcp:h:+1",
        "tcp:h:",
        "ssl:h:1",
        "/run/x",
    ] {
        assert_eq!(bad.parse::<Listen>().unwrap_err().code(), "listen-malformed", "{bad}");
    }
}
