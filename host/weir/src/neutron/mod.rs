//! Ports in Neutron: those of VIPs, and those that health checks are sent from. Names and owners are the reference
//! driver's, which Neutron's floating-IP code looks for.
//!
//! | file | what |
//! |---|---|
//! | [`names`] | names, owners and devices |
//! | [`vip_ports`] | a VIP's port: made, freed |
//! | [`source_ports`] | a subnet's source port: made once, freed when nobody uses it |
//! | [`orphans`] | which ports nobody needs any more |
//! | [`fault`] | Neutron's errors, as the API words them |

pub mod fault;
pub mod names;
pub mod orphans;
pub mod source_ports;
pub mod vip_ports;

use std::sync::Arc;

use weir_neutron::{Client, NeutronError, Settings};

/// Neutron, as the host uses it.
#[derive(Clone)]
pub struct Neutron {
    client: Client,
    subnets: Arc<source_ports::Subnets>,
}

/// Whether Octavia has the provider whose name is configured. `ours` is the number of load balancers in the Northbound that
/// Weir has made, and the API lists none of the provider.
///
/// # Errors
/// A text that names the configuration key and what Octavia has.
pub async fn provider_is_known(client: &Client, provider: &str, ours: usize) -> Result<(), String> {
    let key = format!("[octavia] provider = {provider:?}");
    match client.providers().await {
        Ok(names) if !names.iter().any(|name| name == provider) => Err(format!(
            "{key}, but Octavia has no provider of that name, only {}: set it to the name that octavia.conf's \
             enabled_provider_drivers gives the driver",
            names.join(", ")
        )),
        _ if ours > 0 => Err(format!(
            "{key}, and Octavia lists no load balancer of that provider, while the Northbound has {ours} of Weir's: set it to \
             the name under which octavia.conf's enabled_provider_drivers has the driver"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("whether Octavia has a provider {provider:?} cannot be said: {error}")),
    }
}

impl Neutron {
    /// Neutron behind these settings. It is connected to when it is first used.
    ///
    /// # Errors
    /// [`NeutronError::File`] where the CA file does not do.
    pub fn new(settings: Settings) -> Result<Self, NeutronError> {
        Ok(Self { client: Client::new(settings)?, subnets: Arc::default() })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
