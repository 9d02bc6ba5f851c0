//! All paths: one table for the router, the API document and tests.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    http::{Method, Uri},
    middleware,
    routing::{MethodRouter, delete, get, post},
};

use crate::{
    auth, call, panics,
    provider::Provider,
    query, read,
    refusal::{ErrorClass, Refusal},
};

/// What the API needs to know beside the provider.
#[derive(Clone)]
pub struct ApiSettings {
    /// The largest body of a driver call, in bytes.
    pub max_body: usize,
    /// The bearer token that TCP callers need, unless TLS has verified their certificate; `None` lets everybody in.
    pub token: Option<String>,
}

impl fmt::Debug for ApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("ApiSettings")
            .field("max_body", &self.max_body)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .finish()
    }
}

/// What every handler sees.
pub(crate) struct Api {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) max_body: usize,
}

/// One operation on one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    DriverCall,
    LoadBalancers,
    LoadBalancer,
    Reconcile,
    Pause,
    Resume,
    PauseAll,
    ResumeAll,
    Sync,
    Release,
    ChangeState,
    Abandon,
    Plugins,
    PluginsReload,
    PluginsConfirm,
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
}

/// Every route.
pub(crate) const ROUTES: &[(&str, Operation)] = &[
    ("/v1/driver/{method}", Operation::DriverCall),
    ("/v1/loadbalancers", Operation::LoadBalancers),
    ("/v1/loadbalancers/{id}", Operation::LoadBalancer),
    ("/v1/loadbalancers/{id}/reconcile", Operation::Reconcile),
    ("/v1/loadbalancers/{id}/pause", Operation::Pause),
    ("/v1/loadbalancers/{id}/resume", Operation::Resume),
    ("/v1/pause", Operation::PauseAll),
    ("/v1/resume", Operation::ResumeAll),
    ("/v1/sync", Operation::Sync),
    ("/v1/release", Operation::Release),
    ("/v1/changes/{id}", Operation::ChangeState),
    ("/v1/changes/{id}", Operation::Abandon),
    ("/v1/plugins", Operation::Plugins),
    ("/v1/plugins/reload", Operation::PluginsReload),
    ("/v1/plugins/confirm/{set}", Operation::PluginsConfirm),
    ("/healthz", Operation::Healthz),
    ("/readyz", Operation::Readyz),
    ("/metrics", Operation::Metrics),
    ("/openapi.json", Operation::OpenApi),
];

fn handler(operation: Operation) -> MethodRouter<Arc<Api>> {
    let handler = match operation {
        Operation::DriverCall => post(call::driver),
        Operation::LoadBalancers => get(read::load_balancers),
        Operation::LoadBalancer => get(read::load_balancer),
        Operation::Reconcile => post(read::reconcile),
        Operation::Pause => post(read::pause),
        Operation::Resume => post(read::resume),
        Operation::PauseAll => post(read::pause_all),
        Operation::ResumeAll => post(read::resume_all),
        Operation::Sync => post(read::sync),
        Operation::Release => post(read::release),
        Operation::ChangeState => get(read::change_state),
        Operation::Abandon => delete(read::abandon),
        Operation::Plugins => get(read::plugins),
        Operation::PluginsReload => post(read::plugins_reload),
        Operation::PluginsConfirm => post(read::plugins_confirm),
        Operation::Healthz => get(read::healthz),
        Operation::Readyz => get(read::readyz),
        Operation::Metrics => get(read::metrics),
        Operation::OpenApi => get(read::openapi),
    };
    handler.route_layer(middleware::from_fn(move |request, next| query::check(operation, request, next)))
}

/// The whole API over a provider.
pub fn router(provider: Arc<dyn Provider>, settings: ApiSettings) -> Router {
    let api = Arc::new(Api { provider, max_body: settings.max_body });
    let token: Option<Arc<str>> = settings.token.map(Arc::from);
    ROUTES
        .iter()
        .fold(Router::new(), |router, (path, operation)| router.route(path, handler(*operation)))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown_path)
        .layer(middleware::from_fn_with_state(token, auth::check))
        .layer(middleware::from_fn(panics::isolate))
        .with_state(api)
}

async fn method_not_allowed(method: Method) -> Refusal {
    let text = format!("this path is there, but not for {}", shortened(method.as_str()));
    Refusal::new(ErrorClass::MethodNotAllowed, "method-not-allowed", text)
}

async fn unknown_path(uri: Uri) -> Refusal {
    Refusal::not_found("unknown-path", format!("there is nothing at {}", shortened(uri.path())))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
