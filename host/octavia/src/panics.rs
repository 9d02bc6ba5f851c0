//! Every request in a task of its own.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::refusal::Refusal;

/// Runs the request in a task: a fault in it becomes an answer, and a client that goes away cannot stop a change
/// half-way.
pub(crate) async fn isolate(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(code = "internal-fault", panicked = error.is_panic(), "a request did not finish");
            Refusal::driver("internal-fault", "the provider had an internal fault; the call may not be done")
                .into_response()
        }
    }
}
