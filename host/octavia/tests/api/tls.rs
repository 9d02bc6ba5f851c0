//! TLS on real sockets.

use std::{sync::Arc, time::Duration};

use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Semaphore,
};
use weir_octavia::{Listen, Tls, bind};

use crate::{
    recorder::Recorder,
    server::{exchange, failover},
    tls_fixture::{Authority, Fixture, Identity, TOKEN, end, put, tcp},
};

fn with_token() -> String {
    failover().replace("Host: weir", &format!("Host: weir\r\nAuthorization: Bearer {TOKEN}"))
}

/// Waits until a look at the files has shown what it should.
async fn eventually(mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_stands_for_the_token() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let client = fixture.authority.issue();
    for version in [&TLS12, &TLS13] {
        let mut stream = fixture.connect(&address, Some(&client), version).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        for _ in 0..3 {
            assert!(exchange(&mut stream, &failover()).await.starts_with("HTTP/1.1 200"));
        }
    }
    assert_eq!(fixture.calls(), 6);
    end(server).await;
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_authority_is_refused() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let foreign = Authority::new().issue();
    for identity in [None, Some(&foreign)] {
        assert!(fixture.connect(&address, identity, &TLS12).await.is_err());
        assert!(fixture.is_refused(&address, identity).await);
        assert_eq!(fixture.good_call(&address).await.unwrap(), fixture.identity.certificate);
    }
    assert_eq!(fixture.calls(), 2, "those of the good ones");
    end(server).await;
}

#[tokio::test]
async fn without_an_authority_for_clients_they_need_the_token() {
    let mut fixture = Fixture::new();
    fixture.settings.client_ca = None;
    let (server, address) = fixture.start().await;
    // A certificate that nobody asked for is worth nothing.
    let own = fixture.authority.issue();
    for version in [&TLS12, &TLS13] {
        for identity in [None, Some(&own)] {
            let mut stream = fixture.connect(&address, identity, version).await.unwrap();
            assert!(exchange(&mut stream, &failover()).await.starts_with("HTTP/1.1 401"));
            let mut stream = fixture.connect(&address, identity, version).await.unwrap();
            assert!(exchange(&mut stream, &with_token()).await.starts_with("HTTP/1.1 200"));
        }
    }
    assert_eq!(fixture.calls(), 4);
    end(server).await;
}

#[tokio::test]
async fn unix_sockets_never_speak_tls() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("s");
    let (socket, address) = tcp().await;
    let unix = bind(&Listen::Unix(path.clone())).await.unwrap();
    let server = fixture.start_on(vec![unix, socket]);
    let mut local = UnixStream::connect(&path).await.unwrap();
    assert!(exchange(&mut local, &failover()).await.starts_with("HTTP/1.1 200"));
    fixture.good_call(&address).await.unwrap();
    drop(local);
    end(server).await;
}

#[tokio::test]
async fn what_is_no_tls_harms_nothing() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    for words in [with_token(), "\0".repeat(64), "\u{16}\u{3}\u{1}".repeat(30)] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // A reset is as good an end as any.
        stream.read_to_end(&mut answer).await.ok();
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
        fixture.good_call(&address).await.unwrap();
    }
    assert_eq!(fixture.calls(), 3, "those of the good ones");
    end(server).await;
}

#[tokio::test]
async fn slow_clients_hold_up_neither_others_nor_the_end() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The beginning of a record whose rest never comes.
        stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
        slow.push(stream);
        slow.push(TcpStream::connect(&address).await.unwrap());
    }
    // One handshake after the other would take far longer.
    let good = tokio::time::timeout(Duration::from_secs(60), fixture.good_call(&address));
    good.await.unwrap().unwrap();
    end(server).await;
    for mut stream in slow {
        // Closed, or reset for what the server has not read.
        assert!(matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    }
}

/// The clock is stopped, and jumps on whenever all wait.
#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_time_limit() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let mut silent = TcpStream::connect(&address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    end(server).await;
}

#[tokio::test]
async fn running_calls_finish_at_the_end_and_idle_connections_are_closed() {
    let mut fixture = Fixture::new();
    let gate = Some((Semaphore::new(0), Semaphore::new(1)));
    fixture.recorder = Arc::new(Recorder { gate, ..Recorder::default() });
    let (running, go) = fixture.recorder.gate.as_ref().unwrap();
    let (server, address) = fixture.start().await;
    let client = fixture.authority.issue();
    let mut idle = fixture.connect(&address, Some(&client), &TLS13).await.unwrap();
    assert!(exchange(&mut idle, &failover()).await.starts_with("HTTP/1.1 200"));
    running.acquire().await.unwrap().forget();
    let mut busy = fixture.connect(&address, Some(&client), &TLS13).await.unwrap();
    let call = tokio::spawn(async move { exchange(&mut busy, &failover()).await });
    running.acquire().await.unwrap().forget();

    server.end.send(()).unwrap();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0, "closed as TLS wants it");
    assert!(!server.served.is_finished());
    go.add_permits(1);
    assert!(call.await.unwrap().starts_with("HTTP/1.1 200"));
    drop(idle);
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let client = fixture.authority.issue();
    let mut running = fixture.connect(&address, Some(&client), &TLS13).await.unwrap();
    assert_eq!(fixture.good_call(&address).await.unwrap(), fixture.identity.certificate);
    let next = fixture.authority.issue();
    put(&fixture.settings.certificate, &next.certificate_pem);
    put(&fixture.settings.private_key, &next.private_key_pem);
    eventually(async || fixture.good_call(&address).await.unwrap() == next.certificate).await;
    assert!(exchange(&mut running, &failover()).await.starts_with("HTTP/1.1 200"), "it goes on");
    end(server).await;
}

#[tokio::test]
async fn another_authority_for_clients_is_used_without_a_restart() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let other = Authority::new();
    let (before, after) = (fixture.authority.issue(), other.issue());
    assert!(!fixture.is_refused(&address, Some(&before)).await);
    assert!(fixture.is_refused(&address, Some(&after)).await);
    put(fixture.settings.client_ca.as_ref().unwrap(), &other.0.pem());
    eventually(async || !fixture.is_refused(&address, Some(&after)).await).await;
    assert!(fixture.is_refused(&address, Some(&before)).await);
    end(server).await;
}

#[tokio::test]
async fn bad_renewed_files_leave_the_former_in_use() {
    let fixture = Fixture::new();
    let (server, address) = fixture.start().await;
    let next = fixture.authority.issue();
    put(&fixture.settings.certificate, &next.certificate_pem);
    put(&fixture.settings.private_key, "garbage");
    std::fs::remove_file(fixture.settings.client_ca.as_ref().unwrap()).unwrap();
    // Long enough for a look or two.
    for _ in 0..25 {
        assert_eq!(fixture.good_call(&address).await.unwrap(), fixture.identity.certificate);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    put(&fixture.settings.private_key, &next.private_key_pem);
    put(fixture.settings.client_ca.as_ref().unwrap(), &fixture.authority.0.pem());
    eventually(async || fixture.good_call(&address).await.unwrap() == next.certificate).await;
    end(server).await;
}

#[test]
fn bad_files_are_named() {
    let fixture = Fixture::new();
    let Identity { certificate_pem, private_key_pem, .. } = &fixture.identity;
    let other = fixture.authority.issue();
    let damaged = |pem: &str| pem.replacen("\nM", "\n!M", 1);
    let unfinished = |pem: &str| pem.split("-----END").next().unwrap().to_owned();
    let wrong_bytes = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    let encrypted = wrong_bytes("ENCRYPTED PRIVATE KEY");
    for (file, text, code) in [
        ("cert.pem", None, "tls-file-unreadable"),
        ("cert.pem", Some(String::new()), "tls-no-certificate"),
        ("cert.pem", Some("garbage".to_owned()), "tls-no-certificate"),
        ("cert.pem", Some(private_key_pem.clone()), "tls-no-certificate"),
        ("cert.pem", Some(damaged(certificate_pem)), "tls-file-malformed"),
        ("cert.pem", Some(unfinished(certificate_pem)), "tls-file-malformed"),
        ("cert.pem", Some(wrong_bytes("CERTIFICATE")), "tls-bad-certificate"),
        ("cert.pem", Some(other.certificate_pem), "tls-key-mismatch"),
        ("key.pem", None, "tls-file-unreadable"),
        ("key.pem", Some("garbage".to_owned()), "tls-no-private-key"),
        ("key.pem", Some(certificate_pem.clone()), "tls-no-private-key"),
        ("key.pem", Some(encrypted), "tls-no-private-key"),
        ("key.pem", Some(damaged(private_key_pem)), "tls-file-malformed"),
        ("key.pem", Some(unfinished(private_key_pem)), "tls-file-malformed"),
        ("key.pem", Some(wrong_bytes("PRIVATE KEY")), "tls-bad-private-key"),
        ("key.pem", Some(other.private_key_pem), "tls-key-mismatch"),
        ("clients.pem", None, "tls-file-unreadable"),
        ("clients.pem", Some("garbage".to_owned()), "tls-no-certificate"),
        ("clients.pem", Some(unfinished(certificate_pem)), "tls-file-malformed"),
        ("clients.pem", Some(wrong_bytes("CERTIFICATE")), "tls-bad-certificate"),
    ] {
        let path = fixture.folder.path().join(file);
        let good = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        if let Some(text) = &text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Tls::load(&fixture.settings).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.code(), code, "{file}: {text:?}: {message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
        let shown = format!("{message} {error:?}");
        let quoted = private_key_pem.lines().find(|line| line.len() > 20 && shown.contains(line));
        assert_eq!(quoted, None, "what is in a file is nobody's business");
        std::fs::write(&path, good).unwrap();
    }
    Tls::load(&fixture.settings).unwrap();
}
