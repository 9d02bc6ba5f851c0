//! The addresses that clients connect to: VIPs, and the floating IPs that stand for them.

use std::net::IpAddr;

use weir_model::LoadBalancer;

use crate::topology::Topology;

/// An address that a load balancer answers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// The address.
    pub address: IpAddr,
    /// The VIP that it is or stands for: 0 is the VIP, the additional ones follow.
    pub of: usize,
    /// It is a floating IP.
    pub floating: bool,
}

/// All addresses of a load balancer: the VIP and the additional ones, then their floating IPs. Plugins name them by index.
pub fn fronts(lb: &LoadBalancer, topology: &dyn Topology) -> Vec<Front> {
    let own = lb.vips().enumerate().map(|(of, vip)| Front { address: vip.address, of, floating: false });
    let floating = lb.vips().enumerate().flat_map(|(of, vip)| {
        let found = vip.port_id.map(|port| topology.floating_ips(port, &vip.address)).unwrap_or_default();
        found.into_iter().map(move |address| Front { address, of, floating: true })
    });
    own.chain(floating).collect()
}
