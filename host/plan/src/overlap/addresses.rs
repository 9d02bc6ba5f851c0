//! Addresses that no member can have.

use std::net::IpAddr;

use ipnet::IpNet;
use weir_model::{Member, ObjectRef};

use super::{IMPOSSIBLE_ADDRESS, Overlap, With};
use crate::{finding::Finding, topology::Topology};

pub(super) fn impossible(member: &Member, topology: &dyn Topology, found: &mut Vec<Overlap>) {
    let kind = kind_of(&member.address).or_else(|| in_subnet(member, topology));
    let Some(kind) = kind else { return };
    let detail = format!(
        "member {}: {} is {kind}, which no server can have; give the address of the server",
        member.id, member.address
    );
    found.push(Overlap {
        finding: Finding::new(IMPOSSIBLE_ADDRESS, ObjectRef::Member(member.id), detail),
        with: With::Itself,
        refused: true,
    });
}

/// What an address is that no server on a network has.
fn kind_of(address: &IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            // All of 0.0.0.0/8 (RFC 1122); `0.0.0.0` itself stands for draining in `vips`.
            [0, ..] => Some("an unspecified address"),
            [127, ..] => Some("a loopback address"),
            [169, 254, ..] => Some("a link-local address"),
            [224..=239, ..] => Some("a multicast address"),
            [255, 255, 255, 255] => Some("the broadcast address"),
            _ => None,
        },
        IpAddr::V6(address) if address.is_unspecified() => Some("an unspecified address"),
        IpAddr::V6(address) if address.is_loopback() => Some("a loopback address"),
        IpAddr::V6(address) if address.is_multicast() => Some("a multicast address"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address"),
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Some("an IPv4 address in IPv6's notation")
        }
        IpAddr::V6(_) => None,
    }
}

/// The broadcast address of the member's subnet, or the address of the subnet itself: Neutron gives neither to a port.
fn in_subnet(member: &Member, topology: &dyn Topology) -> Option<&'static str> {
    let IpAddr::V4(address) = member.address else { return None };
    // Both end in two bits of one kind: the others are not worth a question.
    if !matches!(address.octets(), [.., last] if last % 4 == 0 || last % 4 == 3) {
        return None;
    }
    let cidrs = topology.subnet(member.subnet_id?)?.cidrs;
    cidrs.iter().find_map(|cidr| match cidr {
        IpNet::V4(cidr) if cidr.prefix_len() < 31 && cidr.broadcast() == address => {
            Some("the broadcast address of its subnet")
        }
        IpNet::V4(cidr) if cidr.prefix_len() < 31 && cidr.network() == address => {
            Some("the address of its subnet itself")
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_told_from_others() {
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(kind_of(&bad.parse().unwrap()).is_some(), "{bad}");
        }
        for good in [
            "10.0.0.1",
            "1.0.0.0",
            "126.0.0.1",
            "169.253.0.1",
            "223.255.255.1",
            "fd00::1",
            "2001:db8::1",
            "fec0::1",
        ] {
            assert_eq!(kind_of(&good.parse().unwrap()), None, "{good}");
        }
    }
}
