//! `weir pause` and `weir resume`: has the running host write nothing for a while.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use weir_model::LoadBalancerId;

use crate::{
    config::Config,
    remote::{self, RemoteError},
};

/// What is paused now, as the host says.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Report(Value);

/// Pauses a load balancer, or all of them, or lets work go on.
///
/// # Errors
/// [`RemoteError`].
pub async fn pause(config: &Config, lb: Option<LoadBalancerId>, paused: bool) -> Result<Report, RemoteError> {
    let word = if paused { "pause" } else { "resume" };
    let path = match lb {
        Some(lb) => format!("/v1/loadbalancers/{lb}/{word}"),
        None => format!("/v1/{word}"),
    };
    remote::post(config, &path).await.map(Report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.pointer("/paused/all").and_then(Value::as_bool).unwrap_or_default();
        let some = self.0.pointer("/paused/loadbalancers").and_then(Value::as_array);
        let some: Vec<_> = some.into_iter().flatten().filter_map(Value::as_str).collect();
        if all {
            writeln!(f, "all load balancers are paused")?;
        }
        some.iter().try_for_each(|lb| writeln!(f, "load balancer {lb} is paused"))?;
        if !all && some.is_empty() {
            writeln!(f, "nothing is paused")?;
        }
        Ok(())
    }
}
