//! Errors as Octavia's driver gets them.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Which octavia-lib exception a refusal becomes, and its HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The request is not as the contract says: 400.
    Malformed,
    /// The token is missing or wrong: 401.
    Unauthorized,
    /// No such object, path or method: 404.
    NotFound,
    /// The path is there, not for this HTTP method: 405.
    MethodNotAllowed,
    /// The body did not arrive in time: 408.
    TimedOut,
    /// Octavia words it as a VIP address in use, so only `create_vip_port` may say it: 409.
    Conflict,
    /// The body is larger than the host takes: 413.
    TooLarge,
    /// An option that this provider does not have: 422.
    UnsupportedOptionError,
    /// An action that this provider does not have: 501.
    NotImplementedError,
    /// The host cannot accept now: 503.
    Unavailable,
    /// Anything else: 500.
    DriverError,
}

impl ErrorClass {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedOptionError => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotImplementedError => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DriverError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word in the answer's `error`: octavia-lib's exception.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::UnsupportedOptionError => "UnsupportedOptionError",
            Self::NotImplementedError => "NotImplementedError",
            Self::Malformed
            | Self::Unauthorized
            | Self::MethodNotAllowed
            | Self::TimedOut
            | Self::TooLarge
            | Self::Unavailable
            | Self::DriverError => "DriverError",
        }
    }
}

/// A call that is not done. It changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {operator}")]
pub struct Refusal {
    /// Which exception it becomes.
    pub error: ErrorClass,
    /// Stable kebab-case code.
    pub code: String,
    /// For the user: becomes `user_fault_string`.
    pub user: String,
    /// For the operator's log: becomes `operator_fault_string`.
    pub operator: String,
}

impl Refusal {
    /// A refusal with one text for both.
    pub fn new(error: ErrorClass, code: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { error, code: code.into(), user: text.clone(), operator: text }
    }

    /// The same with another text for the operator.
    #[must_use]
    pub fn operator(mut self, text: impl Into<String>) -> Self {
        self.operator = text.into();
        self
    }

    /// An option that is not supported: 422.
    pub fn unsupported(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::UnsupportedOptionError, code, text)
    }

    /// An action that is not implemented: 501.
    pub fn not_implemented(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::NotImplementedError, code, text)
    }

    /// `create_vip_port` where Octavia makes the port.
    pub(crate) fn vip_port_by_octavia() -> Self {
        Self::not_implemented("vip-port-by-octavia", "VIP ports are made by Octavia, not by this provider")
    }

    /// A fault: 500.
    pub fn driver(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::DriverError, code, text)
    }

    /// An unknown object: 404.
    pub fn not_found(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::NotFound, code, text)
    }

    /// A request that is not as the contract says: 400.
    pub fn malformed(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::Malformed, code, text)
    }

    /// A conflict; for `create_vip_port` only: 409.
    pub fn conflict(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::Conflict, code, text)
    }

    /// The host cannot accept now: 503.
    pub fn unavailable(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorClass::Unavailable, code, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "error": self.error.word(),
            "code": self.code,
            "user_fault_string": self.user,
            "operator_fault_string": self.operator,
        });
        (self.error.status(), Json(body)).into_response()
    }
}
