//! Errors.

use std::{io, path::PathBuf};

/// Why the files make no TLS server. Never shows what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no such file, or it may not be read.
    #[error("{}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It has the marks of PEM, but what is between them is damaged.
    #[error("{}: the PEM in it is damaged", .0.display())]
    Malformed(PathBuf),
    /// No certificate is in it.
    #[error("{}: there is no PEM certificate in it", .0.display())]
    NoCertificate(PathBuf),
    /// No private key is in it, or an encrypted one.
    #[error("{}: there is no PEM private key in it (an encrypted one is of no use)", .0.display())]
    NoPrivateKey(PathBuf),
    /// A certificate in it cannot be understood.
    #[error("{}: a certificate in it is no good: {source}", .file.display())]
    BadCertificate {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The private key in it cannot be understood, or is of a kind that is not known.
    #[error("{}: the private key in it is no good: {source}", .file.display())]
    BadPrivateKey {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The private key is not the certificate's.
    #[error("{}: not the private key of the certificate in {}", .private_key.display(), .certificate.display())]
    KeyMismatch {
        /// The private key's file.
        private_key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// Good files, but TLS cannot be set up with them.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl TlsError {
    /// Stable code for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "tls-file-unreadable",
            Self::Malformed(_) => "tls-file-malformed",
            Self::NoCertificate(_) => "tls-no-certificate",
            Self::NoPrivateKey(_) => "tls-no-private-key",
            Self::BadCertificate { .. } => "tls-bad-certificate",
            Self::BadPrivateKey { .. } => "tls-bad-private-key",
            Self::KeyMismatch { .. } => "tls-key-mismatch",
            Self::Setup(_) => "tls-setup-failed",
        }
    }
}
