//! What the account of `[neutron]` may ask Octavia's API.

use weir_neutron::{Client, Kind, NeutronError};

use super::{Finding, Verdict, finding};
use crate::{
    config::Config,
    limits,
    neutron::{Neutron, provider_is_known},
};

/// Tries each thing that Weir asks; nothing without `[neutron]`. `ours` is how many load balancers of Weir's the Northbound
/// has.
pub async fn octavia_api(config: &Config, ours: usize) -> Vec<Finding> {
    let Ok(Some(settings)) = config.neutron() else { return Vec::new() };
    let Ok(neutron) = Neutron::new(settings) else { return Vec::new() };
    let client = neutron.client().within(limits::CHECK);
    // Why there is no token is said of Neutron already.
    if client.authenticate().await.is_err() {
        return Vec::new();
    }
    vec![lists(&client).await, provider(&client, &config.octavia.provider, ours).await]
}

/// `weir sync` lists load balancers, and what hangs in `PENDING_*` is found in the lists of all kinds.
async fn lists(client: &Client) -> Finding {
    let (mut may, mut problems) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        match client.lists_all(kind).await {
            Ok(()) => may.push(kind.plural()),
            Err(error @ NeutronError::NoOctavia) => {
                problems.push(format!("{error}: load balancers cannot be listed"));
                break;
            }
            Err(error) => problems.push(format!("{}: {error}", error.code())),
        }
    }
    let outcome = match problems.is_empty() {
        true => Ok(format!("lists {} of all projects", may.join(", "))),
        false => Err(problems.join("; ")),
    };
    finding("octavia-api", outcome)
}

async fn provider(client: &Client, provider: &str, ours: usize) -> Finding {
    let name = "octavia-provider";
    let listed = match client.load_balancers(provider).await {
        Ok(listed) => listed.len(),
        Err(error) => {
            let detail = format!(
                "whether Octavia has load balancers of provider {provider:?} cannot be said: {error}"
            );
            return Finding { name: name.to_owned(), verdict: Verdict::Note, detail };
        }
    };
    let ours = if listed == 0 { ours } else { 0 };
    let known = provider_is_known(client, provider, ours).await;
    finding(name, known.map(|()| format!("Octavia lists {listed} load balancers of provider {provider:?}")))
}
