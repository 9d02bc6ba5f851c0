//! The provider API over TCP: only with the token.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use weir_tests::{Host, Northbound, eventually};

async fn status(address: &str, token: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("GET /v1/loadbalancers HTTP/1.1\r\nhost: weir\r\n{token}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_needs_the_token_and_unix_does_not() {
    let northbound = Northbound::start();
    let unix = format!("unix:{}", northbound.folder().join("provider.sock").display());
    let listen = format!("{unix},tcp:127.0.0.1:0");
    let env = [("WEIR_LISTEN", listen.as_str()), ("WEIR_TOKEN", "s3cret")];
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &env);
    host.ready().await;
    let address = eventually("the port is in the log", async || {
        let log = host.log();
        let (_, rest) = log.split_once("listen=tcp:")?;
        rest.split_whitespace().next().map(str::to_owned)
    })
    .await;
    assert_eq!(status(&address, Some("s3cret")).await, "200");
    assert_eq!(status(&address, Some("wrong")).await, "401");
    assert_eq!(status(&address, None).await, "401");
    assert_eq!(host.client().get("/v1/loadbalancers").await.status, 200);
    assert!(!host.log().contains("s3cret"));
}
