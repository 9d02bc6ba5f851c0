//! A TLS server, and clients with certificates.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use weir_octavia::{Bound, Listen, Tls, TlsSettings, bind};

use crate::{
    recorder::Recorder,
    server::{Server, exchange, failover, start},
};

/// What clients without a verified certificate need.
pub const TOKEN: &str = "s3cret";

/// Signs certificates.
pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub private_key: PrivateKeyDer<'static>,
    pub certificate_pem: String,
    pub private_key_pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn issue(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let (certificate_pem, private_key_pem) = (certificate.pem(), key.serialize_pem());
        Identity {
            certificate: certificate.der().clone(),
            private_key: PrivateKeyDer::from_pem_slice(private_key_pem.as_bytes()).unwrap(),
            certificate_pem,
            private_key_pem,
        }
    }
}

/// As renewing tools do: at any time there is a whole file.
pub fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// A TLS server with its files, one authority for it and its clients.
pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub identity: Identity,
    pub settings: TlsSettings,
    pub recorder: Arc<Recorder>,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let identity = authority.issue();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = folder.path().join(name);
            put(&path, text);
            path
        };
        let settings = TlsSettings {
            certificate: file("cert.pem", &identity.certificate_pem),
            private_key: file("key.pem", &identity.private_key_pem),
            client_ca: Some(file("clients.pem", &authority.0.pem())),
        };
        Self { folder, authority, identity, settings, recorder: Arc::default() }
    }

    pub async fn start(&self) -> (Server, String) {
        let (socket, address) = tcp().await;
        (self.start_on(vec![socket]), address)
    }

    pub fn start_on(&self, sockets: Vec<Bound>) -> Server {
        start(&self.recorder, sockets, Some(Tls::load(&self.settings).unwrap()), Some(TOKEN))
    }

    pub fn calls(&self) -> usize {
        self.recorder.calls.lock().unwrap().len()
    }

    /// One good client, from its handshake to its answer. Gives the server's certificate.
    pub async fn good_call(&self, address: &str) -> io::Result<CertificateDer<'static>> {
        let mut stream = self.connect(address, Some(&self.authority.issue()), &TLS13).await?;
        assert!(exchange(&mut stream, &failover()).await.starts_with("HTTP/1.1 200"));
        let (_, session) = stream.get_ref();
        Ok(session.peer_certificates().unwrap()[0].clone())
    }

    pub async fn connect(
        &self,
        address: &str,
        identity: Option<&Identity>,
        version: &'static SupportedProtocolVersion,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(Identity { certificate, private_key, .. }) => {
                builder.with_client_auth_cert(vec![certificate.clone()], private_key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// Whether a client is let in. With TLS 1.3 the client is done before the server has seen its certificate, so that only
    /// its first answer tells.
    pub async fn is_refused(&self, address: &str, identity: Option<&Identity>) -> bool {
        let Ok(mut stream) = self.connect(address, identity, &TLS13).await else { return true };
        // The write may come before or after the server's refusal.
        stream.write_all(failover().as_bytes()).await.ok();
        match stream.read(&mut [0; 16]).await {
            Ok(0) => panic!("closed without a word"),
            Ok(_) => false,
            Err(_) => true,
        }
    }
}

pub async fn tcp() -> (Bound, String) {
    let socket = bind(&"tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Listen::Tcp(address) = socket.listen().clone() else { panic!() };
    (socket, address)
}

pub async fn end(server: Server) {
    server.end.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}
