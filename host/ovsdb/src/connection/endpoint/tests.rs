use super::*;

#[test]
fn endpoints_are_read_and_written() {
    for text in [
        "unix:/run/ovn/ovnnb_db.sock",
        "tcp:10.0.0.1:6641",
        "ssl:nb.example:6641",
        "tcp:[::1]:6641",
        "ssl:[fd00::1]:1",
    ] {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), text);
    }
    assert_eq!("tcp:[::1]:5".parse(), Ok(Endpoint::Tcp { host: "::1".into(), port: 5 }));
}

#[test]
fn what_is_no_endpoint_is_refused() {
    for text in [
        "",
        "unix:",
        "tcp:",
        "tcp:h",
        "tcp:h:",
        "tcp::1",
        "tcp:h:0",
        "tcp:h:65536",
        "tcp:::1:5",
        "tcp:[::1]5",
        "udp:h:1",
        "/run/x",
    ] {
        assert!(text.parse::<Endpoint>().is_err(), "{text}");
    }
}
