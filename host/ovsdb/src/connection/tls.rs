//! TLS towards OVSDB servers.
//!
//! The server's certificate must chain to the CA file. **Its name is not checked**: certificates made by `ovs-pki`, and
//! those of most OVN deployments, carry no name or address of their server, and OVS's own clients do not check it either.
//! The CA must therefore be one that signs nothing but this deployment's own certificates.
//!
//! Files are read anew at each connect, so that renewed certificates need no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::ConnectError;

/// The files of a TLS client, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates that the server's must chain to.
    pub ca_cert: PathBuf,
    /// Our certificate chain. `ovsdb-server` with `pssl:` demands one.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub private_key: Option<PathBuf>,
}

pub(super) async fn client_config(files: &TlsFiles) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca_cert).await? {
        roots.add(certificate).map_err(|error| wrong(&files.ca_cert, error))?;
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ChainOnly { roots, algorithms }));
    match (&files.certificate, &files.private_key) {
        (Some(certificate), Some(key_file)) => {
            let chain = certificates(certificate).await?;
            let key = PrivateKeyDer::from_pem_slice(&read(key_file).await?)
                .map_err(|error| wrong(key_file, error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(certificate, error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(ConnectError::Tls("certificate and private key must be given together".to_owned())),
    }
}

/// A name for the handshake; servers and verifier do not look at it.
pub(super) fn server_name(host: &str) -> ServerName<'static> {
    static FALLBACK: &str = "ovsdb-server";
    ServerName::try_from(host.to_owned())
        .or_else(|_| ServerName::try_from(FALLBACK))
        .unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()))
}

async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let pem = read(path).await?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(path, "no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(path, error)),
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    tokio::fs::read(path).await.map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, problem: impl std::fmt::Display) -> ConnectError {
    ConnectError::Tls(format!("{}: {problem}", path.display()))
}

/// Checks the chain and the signatures, not the name.
#[derive(Debug)]
struct ChainOnly {
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
