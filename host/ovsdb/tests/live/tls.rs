//! TLS, with certificates that do not name their server.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use weir_ovsdb::testing::Server;
use weir_ovsdb::{Client, Endpoint, TlsFiles};

use crate::common::{balancer, config, nb_schema, within};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes NAME-ca.pem, NAME-cert.pem and NAME-key.pem.
    fn issue(&self, folder: &Path, name: &str) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["not-the-servers-name".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let write = |part: &str, pem: String| -> PathBuf {
            let path = folder.join(format!("{name}-{part}.pem"));
            std::fs::write(&path, pem).unwrap();
            path
        };
        TlsFiles {
            ca_cert: write("ca", self.0.pem()),
            certificate: Some(write("cert", certificate.pem())),
            private_key: Some(write("key", key.serialize_pem())),
        }
    }
}

fn server(folder: &Path, files: &TlsFiles) -> Server {
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let arguments = [
        option("ca-cert", &files.ca_cert),
        option("certificate", files.certificate.as_ref().unwrap()),
        option("private-key", files.private_key.as_ref().unwrap()),
        "--remote=pssl:0:127.0.0.1".to_owned(),
    ];
    Server::standalone_with(folder, &nb_schema(), &arguments.each_ref().map(String::as_str)).unwrap()
}

fn client(server: &Server, files: Option<TlsFiles>) -> Client {
    let endpoint = Endpoint::Ssl { host: "127.0.0.1".into(), port: server.port().unwrap() };
    let mut config = config(vec![endpoint]);
    config.tls = files;
    Client::connect(config)
}

async fn refusal(client: &Client) -> String {
    let mut status = client.status();
    let status =
        within(status.wait_for(|status| status.synced || status.last_error.is_some())).await.unwrap();
    assert!(!status.synced);
    status.last_error.clone().unwrap()
}

#[tokio::test]
async fn a_server_of_the_same_authority_is_trusted_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let server = server(folder.path(), &authority.issue(folder.path(), "server"));
    let client = client(&server, Some(authority.issue(folder.path(), "client")));
    within(client.synced()).await;
    let id = within(client.transact(vec![balancer("lb")])).await.unwrap()[0].uuid.unwrap();
    assert!(client.replica().get("Load_Balancer", &id).is_some());
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), &Authority::new("authority").issue(folder.path(), "server"));
    let client = client(&server, Some(Authority::new("other").issue(folder.path(), "client")));
    let error = refusal(&client).await;
    assert!(error.starts_with("connect-tls: ") && error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn files_are_read_at_each_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let server = server(folder.path(), &authority.issue(folder.path(), "server"));
    let files = authority.issue(folder.path(), "client");
    let ca = std::fs::read(&files.ca_cert).unwrap();
    std::fs::write(&files.ca_cert, "").unwrap();
    let client = client(&server, Some(files.clone()));
    let error = refusal(&client).await;
    assert!(error.contains("client-ca.pem"), "{error}");
    std::fs::write(&files.ca_cert, ca).unwrap();
    within(client.synced()).await;
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_refuses_a_client_without() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let server = server(folder.path(), &authority.issue(folder.path(), "server"));
    let mut files = authority.issue(folder.path(), "client");
    (files.certificate, files.private_key) = (None, None);
    refusal(&client(&server, Some(files))).await;
    let error = refusal(&client(&server, None)).await;
    assert!(error.contains("no CA certificate configured"), "{error}");
}

#[tokio::test]
async fn certificates_of_ovs_pki_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let pki = |arguments: &[&str]| {
        let output = std::process::Command::new(weir_ovsdb::testing::program("ovs-pki"))
            .args(["--dir=pki", "--log=pki.log"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    pki(&["init"]);
    let files = ["server", "client"].map(|name| {
        pki(&["req+sign", name, "switch"]);
        TlsFiles {
            ca_cert: folder.path().join("pki/switchca/cacert.pem"),
            certificate: Some(folder.path().join(format!("{name}-cert.pem"))),
            private_key: Some(folder.path().join(format!("{name}-privkey.pem"))),
        }
    });
    let [of_server, of_client] = files;
    let server = server(folder.path(), &of_server);
    let client = client(&server, Some(of_client));
    within(client.synced()).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut config = config(vec![Endpoint::Ssl { host: "localhost".into(), port }]);
    config.tls = Some(Authority::new("authority").issue(folder.path(), "client"));
    config.connect_timeout = std::time::Duration::from_millis(50);
    let client = Client::connect(config);
    let error = refusal(&client).await;
    assert!(error.starts_with("connect-timeout: "), "{error}");
}
