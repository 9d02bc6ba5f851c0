//! Who we are: password, application credential, clouds.yaml, trust.

use std::{fs, sync::Arc};

use serde_json::json;
use weir_neutron::{Client, NeutronError, PortQuery, Secret, Words, clouds};

use super::{client, cloud, words};

#[tokio::test]
async fn a_password_asks_for_the_projects_token() {
    let cloud = cloud().await;
    client(&cloud).ports(&PortQuery::default()).await.unwrap();
    let body = &cloud.asked()[0].body;
    assert_eq!(
        *body,
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "weir", "domain": {"name": "Default"}, "password": "secret-password"}}},
            "scope": {"project": {"name": "service", "domain": {"name": "Default"}}},
        }})
    );
}

#[tokio::test]
async fn an_application_credential_has_its_project_in_itself() {
    let cloud = cloud().await;
    let mut by_id = Words { auth_url: words(&cloud).auth_url, ..Words::default() };
    by_id.application_credential_id = "the-id".to_owned();
    by_id.application_credential_secret = Some(Secret::new("secret-credential"));
    Client::new(by_id.settings().unwrap()).unwrap().authenticate().await.unwrap();
    let mut by_name = by_id.clone();
    by_name.application_credential_id.clear();
    by_name.application_credential_name = "weir".to_owned();
    by_name.user_id = "the-user".to_owned();
    Client::new(by_name.settings().unwrap()).unwrap().authenticate().await.unwrap();
    let asked = cloud.asked();
    let credential = |at: usize| &asked[at].body["auth"]["identity"]["application_credential"];
    assert_eq!(*credential(0), json!({"id": "the-id", "secret": "secret-credential"}));
    assert_eq!(
        *credential(1),
        json!({"name": "weir", "secret": "secret-credential", "user": {"id": "the-user"}})
    );
    assert!(asked.iter().all(|asked| asked.body["auth"].get("scope").is_none()));
}

#[tokio::test]
async fn the_endpoint_is_of_the_region_and_interface_or_overridden() {
    let cloud = cloud().await;
    let mut words = words(&cloud);
    for (interface, region) in [("internal", "one"), ("publicURL", "one"), ("", "one")] {
        (words.interface, words.region_name) = (interface.to_owned(), region.to_owned());
        let client = Client::new(words.settings().unwrap()).unwrap();
        assert_eq!(client.authenticate().await.unwrap(), format!("{}/networking/v2.0", cloud.url));
        client.ports(&PortQuery::default()).await.unwrap();
    }
    words.region_name = "three".to_owned();
    let error = Client::new(words.settings().unwrap()).unwrap().authenticate().await.unwrap_err();
    assert_eq!(error.code(), "neutron-no-endpoint");
    assert!(error.to_string().contains("region three"), "{error}");
    cloud.without_catalog();
    words.endpoint_override = format!("{}/networking/", cloud.url);
    let client = Client::new(words.settings().unwrap()).unwrap();
    client.ports(&PortQuery::default()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_said_with_keystones_words_and_without_the_password() {
    let cloud = cloud().await;
    let mut words = words(&cloud);
    words.password = Some(Secret::new("hunter2-hunter2"));
    let settings = words.settings().unwrap();
    let error = Client::new(settings.clone()).unwrap().authenticate().await.unwrap_err();
    assert_eq!(error.code(), "neutron-unauthorized");
    let text = error.to_string();
    assert!(text.contains("/identity/v3/auth/tokens") && text.contains("401"), "{text}");
    assert!(text.contains("requires authentication"), "{text}");
    for shown in [text, format!("{error:?}"), format!("{settings:?}"), format!("{words:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let good = Words {
        auth_url: "http://k".to_owned(),
        username: "u".to_owned(),
        password: Some(Secret::new("p")),
        user_domain_id: "default".to_owned(),
        project_name: "p".to_owned(),
        project_domain_id: "default".to_owned(),
        ..Words::default()
    };
    assert!(good.settings().is_ok());
    type Spoil = fn(&mut Words);
    let spoils: [(&str, Spoil); 12] = [
        ("auth_url", |w| w.auth_url.clear()),
        ("auth_url", |w| w.auth_url = "keystone:5000".to_owned()),
        ("auth_url", |w| w.auth_url = "http://user:hidden@k".to_owned()),
        ("endpoint_override", |w| w.endpoint_override = "n".to_owned()),
        ("username", |w| w.username.clear()),
        ("password", |w| w.password = None),
        ("user_domain_name", |w| w.user_domain_id.clear()),
        ("project_name", |w| w.project_name.clear()),
        ("project_domain_name", |w| w.project_domain_id.clear()),
        ("interface", |w| w.interface = "private".to_owned()),
        ("auth_type", |w| w.auth_type = "v3totp".to_owned()),
        ("application_credential_secret", |w| w.application_credential_id = "i".to_owned()),
    ];
    for (key, spoil) in spoils {
        let mut words = good.clone();
        spoil(&mut words);
        match words.settings() {
            Err(NeutronError::Setting { key: named, value, .. }) => {
                assert_eq!(named, key);
                assert!(!value.contains("hidden"), "{value}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cloud_is_read_by_name_with_its_secrets_beside() {
    let cloud = cloud().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clouds.yaml");
    fs::write(
        &file,
        format!(
            "# comment\nclouds:\n  weir:\n    auth: &a\n      auth_url: {}/identity/v3\n      username: weir\n      \
             project_name: service\n      user_domain_name: Default\n      project_domain_name: Default\n    \
             region_name: one\n    interface: internal\n    verify: false\n    identity_api_version: 3\n  other:\n    \
             auth:\n      <<: *a\n      password: 1234\n",
            cloud.url
        ),
    )
    .unwrap();
    let missing = clouds::read("weir", Some(&file)).unwrap().settings().unwrap_err();
    assert!(missing.to_string().contains("password"), "{missing}");
    fs::write(
        folder.path().join("secure.yaml"),
        "clouds:\n  weir:\n    auth:\n      password: secret-password\n",
    )
    .unwrap();
    let words = clouds::read("weir", Some(&file)).unwrap();
    assert!(words.insecure && words.interface == "internal");
    Client::new(words.settings().unwrap()).unwrap().authenticate().await.unwrap();
    // A password of digits is one.
    assert_eq!(clouds::read("other", Some(&file)).unwrap().password, Some(Secret::new("1234")));
    let error = clouds::read("wier", Some(&file)).unwrap_err().to_string();
    assert!(error.contains("\"wier\"") && error.contains("other, weir"), "{error}");
    let error = clouds::read("weir", Some(&folder.path().join("none.yaml"))).unwrap_err();
    assert_eq!(error.code(), "neutron-file");
}

#[test]
fn a_broken_clouds_yaml_is_said_without_showing_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clouds.yaml");
    fs::write(&file, "clouds:\n  weir:\n    auth: {password: hunter2\n   x: [").unwrap();
    let error = clouds::read("weir", Some(&file)).unwrap_err().to_string();
    assert!(error.contains("clouds.yaml") && error.contains("YAML") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn https_trusts_whom_it_is_told_to() {
    let cloud = cloud().await;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let server = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    // Ends TLS and passes on to the cloud.
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = cloud.url.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        loop {
            let (plain, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(plain).await else { return };
                let mut inner = tokio::net::TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, made.cert.pem()).unwrap();
    let mut words = words(&cloud);
    words.auth_url = format!("https://localhost:{port}/identity");
    words.endpoint_override = format!("https://localhost:{port}/networking");
    words.cafile = ca.clone();
    Client::new(words.settings().unwrap()).unwrap().ports(&PortQuery::default()).await.unwrap();
    words.cafile = Default::default();
    words.insecure = true;
    Client::new(words.settings().unwrap()).unwrap().ports(&PortQuery::default()).await.unwrap();
    words.insecure = false;
    let stranger = Client::new(words.settings().unwrap()).unwrap();
    let error = stranger.within(std::time::Duration::from_millis(300)).authenticate().await.unwrap_err();
    assert_eq!(error.code(), "neutron-unreachable");
    assert!(error.to_string().contains("certificate"), "{error}");
    fs::write(&ca, "nothing").unwrap();
    words.cafile = ca;
    assert_eq!(Client::new(words.settings().unwrap()).err().unwrap().code(), "neutron-file");
}
