//! Who may call: everybody who can open the Unix socket; over TCP whoever has the token, or a certificate of the clients'
//! authority.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header::AUTHORIZATION,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::refusal::{ErrorClass, Refusal};

/// How a request came in; an extension of every request that [`crate::serve`] hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket: its file's mode says who may call.
    Unix,
    /// A TCP socket, in the clear.
    Tcp,
    /// A TCP socket, over TLS.
    Tls {
        /// Whether the client proved in the handshake that it has a certificate of the clients' authority. It then needs
        /// no token; without, it is as good as one over plain TCP.
        client_verified: bool,
    },
}

impl Transport {
    /// Whether who comes this way may call without a token.
    fn is_trusted(self) -> bool {
        match self {
            Self::Unix => true,
            Self::Tcp => false,
            Self::Tls { client_verified } => client_verified,
        }
    }
}

/// Lets a request through if it may. One of unknown origin counts as TCP.
pub(crate) async fn check(State(token): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let trusted = request.extensions().get::<Transport>().is_some_and(|transport| transport.is_trusted());
    if let Some(token) = token
        && !trusted
        && !bearer(&request).is_some_and(|given| same(given, token.as_bytes()))
    {
        return Refusal::new(ErrorClass::Unauthorized, "unauthorized", "a valid bearer token is needed")
            .into_response();
    }
    next.run(request).await
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1).
fn bearer(request: &Request) -> Option<&[u8]> {
    let value = request.headers().get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// Compares in a time that depends on the lengths only.
fn same(given: &[u8], wanted: &[u8]) -> bool {
    let differing =
        given.iter().zip(wanted).fold(0, |differing, (a, b)| std::hint::black_box(differing | (a ^ b)));
    given.len() == wanted.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn tokens_are_the_same_or_not() {
        assert!(same(b"secret", b"secret"));
        for other in [&b""[..], b"secre", b"secret2", b"Secret", b"secreT"] {
            assert!(!same(other, b"secret"), "{other:?}");
        }
    }
}
