//! QoS policies of VIP ports that users have made themselves: Octavia copies such a port's policy into the load balancer, so
//! that it is no wish to the provider.

use std::{collections::HashMap, time::Instant};

use parking_lot::Mutex;
use weir_model::{Change, LoadBalancerId};
use weir_octavia::VipPortRequest;

use crate::limits;

/// Load balancers about to be created on a port of the user's own, and when Octavia asked for their VIP ports.
#[derive(Default)]
pub struct OwnVipPorts(Mutex<HashMap<LoadBalancerId, Instant>>);

impl OwnVipPorts {
    /// Notes whose port a VIP is to have.
    pub fn note(&self, request: &VipPortRequest, now: Instant) {
        if request.vip.port_id.is_none() {
            return;
        }
        let mut known = self.0.lock();
        if known.len() >= limits::OWN_VIP_PORTS {
            known.retain(|_, since| now.saturating_duration_since(*since) < limits::OWN_VIP_PORT_KEPT);
        }
        if known.len() < limits::OWN_VIP_PORTS {
            known.insert(request.loadbalancer_id, now);
        }
    }

    /// Takes the policy of such a port out of a create.
    pub fn drop_copied_policy(&self, change: &mut Change) {
        if let Change::LoadBalancerCreate(lb) = change
            && lb.extra.contains_key("vip_qos_policy_id")
            && self.0.lock().contains_key(&lb.id)
        {
            lb.extra.remove("vip_qos_policy_id");
        }
    }
}
