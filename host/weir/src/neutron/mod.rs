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
