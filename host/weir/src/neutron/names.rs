//! Names, owners and devices of ports. A port is ours when all of them fit.

use weir_model::{LoadBalancerId, SubnetId};
use weir_neutron::Port;
use weir_plan::topology::source_port_name;

/// `device_owner` of VIP ports.
pub const VIP_OWNER: &str = "ovn-lb:vip";

/// `device_owner` of source ports: Neutron makes a `localport` of what ends in `:distributed`.
pub use weir_plan::topology::SOURCE_PORT_OWNER as SOURCE_OWNER;

/// `device_owner` that earlier releases of the reference driver gave source ports, without a device.
pub const OLD_SOURCE_OWNER: &str = "network:distributed";

const VIP: &str = "ovn-lb-vip-";
const ADDITIONAL: &str = "ovn-lb-vip-additional-";
const DEVICE: &str = "lb-";
const SOURCE: &str = "ovn-lb-hm-";

/// The name of a VIP's port; `additional` counts further VIPs from 1, and is 0 for the VIP itself.
pub fn vip_port(lb: LoadBalancerId, additional: usize) -> String {
    match additional {
        0 => format!("{VIP}{lb}"),
        n => format!("{ADDITIONAL}{n}-{lb}"),
    }
}

/// `device_id` of a load balancer's VIP ports: with it Nova refuses to give the port to a server.
pub fn vip_device(lb: LoadBalancerId) -> String {
    format!("{DEVICE}{lb}")
}

/// The load balancer whose VIP port this is; `None` for everybody else's port.
pub fn vip_port_of(port: &Port) -> Option<LoadBalancerId> {
    let lb: LoadBalancerId = port.device_id.strip_prefix(DEVICE)?.parse().ok()?;
    (port.device_owner == VIP_OWNER && named(&port.name) == Some(lb)).then_some(lb)
}

/// The same for a port that a load balancer's rows name: the reference driver's earlier releases have given it neither owner nor
/// device.
pub fn vip_port_of_rows(port: &Port) -> Option<LoadBalancerId> {
    let lb = named(&port.name)?;
    let owner = [VIP_OWNER, ""].contains(&port.device_owner.as_str());
    let device = port.device_id.is_empty() || port.device_id == vip_device(lb);
    (owner && device).then_some(lb)
}

/// Whether a port has the name of a load balancer's VIP ports.
pub fn is_named_for(port: &Port, lb: LoadBalancerId) -> bool {
    named(&port.name) == Some(lb)
}

/// The load balancer that a VIP port's name says.
fn named(name: &str) -> Option<LoadBalancerId> {
    let named = name.strip_prefix(VIP)?;
    let id = named
        .strip_prefix("additional-")
        .and_then(|rest| rest.split_once('-'))
        .map_or(named, |(n, id)| if n.parse::<usize>().is_ok() { id } else { named });
    id.parse().ok()
}

/// The subnet whose source port this is; `None` for everybody else's port.
pub fn source_port_of(port: &Port) -> Option<SubnetId> {
    let subnet: SubnetId = port.name.strip_prefix(SOURCE)?.parse().ok()?;
    let ours = port.device_owner == SOURCE_OWNER && port.device_id == source_port_name(subnet);
    ours.then_some(subnet)
}

/// The subnet whose source port this is, where an earlier release of the reference driver has made it.
pub fn old_source_port_of(port: &Port) -> Option<SubnetId> {
    let subnet: SubnetId = port.name.strip_prefix(SOURCE)?.parse().ok()?;
    let device = port.device_id.is_empty() || port.device_id == source_port_name(subnet);
    (port.device_owner == OLD_SOURCE_OWNER && device).then_some(subnet)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const LB: &str = "10000000-0000-4000-8000-000000000001";

    fn port(name: &str, owner: &str, device: &str) -> Port {
        Port {
            id: Uuid::nil(),
            name: name.to_owned(),
            network_id: Uuid::nil(),
            device_id: device.to_owned(),
            device_owner: owner.to_owned(),
            project_id: None,
            fixed_ips: Vec::new(),
            created_at: None,
        }
    }

    #[test]
    fn names_are_the_reference_drivers() {
        let lb = LB.parse().unwrap();
        assert_eq!(vip_port(lb, 0), format!("ovn-lb-vip-{LB}"));
        assert_eq!(vip_port(lb, 2), format!("ovn-lb-vip-additional-2-{LB}"));
        assert_eq!(vip_device(lb), format!("lb-{LB}"));
    }

    #[test]
    fn only_what_fits_in_all_is_ours() {
        let lb: LoadBalancerId = LB.parse().unwrap();
        let (name, device) = (vip_port(lb, 0), vip_device(lb));
        assert_eq!(vip_port_of(&port(&name, VIP_OWNER, &device)), Some(lb));
        assert_eq!(vip_port_of(&port(&vip_port(lb, 12), VIP_OWNER, &device)), Some(lb));
        let other = "lb-10000000-0000-4000-8000-000000000002";
        for (name, owner, device) in [
            ("ovn-lb-vip-x", VIP_OWNER, device.as_str()),
            ("web", VIP_OWNER, device.as_str()),
            (name.as_str(), "compute:nova", device.as_str()),
            (name.as_str(), "", device.as_str()),
            (name.as_str(), VIP_OWNER, other),
            (name.as_str(), VIP_OWNER, ""),
            (&format!("ovn-lb-vip-additional-x-{LB}"), VIP_OWNER, device.as_str()),
        ] {
            assert_eq!(vip_port_of(&port(name, owner, device)), None, "{name} {owner} {device}");
        }
        for (owner, device, ours) in [
            ("", "", true),
            (VIP_OWNER, "", true),
            ("", device.as_str(), true),
            ("compute:nova", "", false),
            ("", "10000000-0000-4000-8000-000000000009", false),
        ] {
            let ours = ours.then_some(lb);
            assert_eq!(vip_port_of_rows(&port(&name, owner, device)), ours, "{owner} {device}");
        }
        assert_eq!(vip_port_of_rows(&port("web", "", "")), None);
        let source = format!("ovn-lb-hm-{LB}");
        assert_eq!(source_port_of(&port(&source, SOURCE_OWNER, &source)), LB.parse().ok());
        assert_eq!(source_port_of(&port(&source, SOURCE_OWNER, "")), None);
        assert_eq!(source_port_of(&port(&source, "network:distributed", &source)), None);
        assert_eq!(old_source_port_of(&port(&source, OLD_SOURCE_OWNER, "")), LB.parse().ok());
        assert_eq!(old_source_port_of(&port(&source, SOURCE_OWNER, &source)), None);
        assert_eq!(old_source_port_of(&port(&source, OLD_SOURCE_OWNER, "ovnmeta-1")), None);
        assert_eq!(old_source_port_of(&port("", OLD_SOURCE_OWNER, "")), None);
        assert_eq!(source_port_of(&port("ovn-lb-hm-", SOURCE_OWNER, "ovn-lb-hm-")), None);
    }
}
