//! The metadata that a flavor may have here: each key is an option of OVN's load balancers (ovn-nb(5), `Load_Balancer`,
//! options) under its own name, for all rows of a load balancer.

use std::net::IpAddr;

/// The most seconds of an affinity: the flow that keeps a client holds its timeout in 16 bits.
const LONGEST_AFFINITY: u16 = u16::MAX;

/// One key of a flavor's metadata.
#[derive(Clone, Copy, Debug)]
pub struct FlavorKey {
    /// Its name; also that of OVN's option.
    pub name: &'static str,
    /// For people who make flavors.
    pub description: &'static str,
    /// What values it takes, in words.
    pub expected: &'static str,
    /// The OVN release that brought the option, where an older one may be connected.
    pub since: Option<Since>,
    read: fn(&str) -> Option<String>,
}

/// An OVN release, and how the schema of the Northbound shows it: no schema lists options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The release, for people.
    pub release: &'static str,
    /// A table that has [`Self::column`] from this release on.
    pub table: &'static str,
    /// The oldest column that came with the release.
    pub column: &'static str,
}

/// All keys, sorted. The releases are those whose ovn-nb(5) or northd have the option first.
pub static FLAVOR_KEYS: &[FlavorKey] = &[
    FlavorKey {
        name: "add_route",
        description: "true: routers beside the load balancer's own know the way to the VIP without a static route and without ARP. \
                      false, or left out: they do not. Needs OVN 21.09.",
        expected: BOOLEAN,
        since: Some(Since { release: "21.09", table: "Logical_Router", column: "copp" }),
        read: boolean,
    },
    FlavorKey {
        name: "affinity_timeout",
        description: "Seconds that a client stays with its member, of pools whose users ask for no session persistence: 1 to \
                      65535. Left out: none.",
        expected: "seconds from 1 to 65535",
        since: None,
        read: seconds,
    },
    FlavorKey {
        name: "ct_flush",
        description: "true: connections are cut when their member or load balancer goes away. false, or left out: they are \
                      left alone.",
        expected: BOOLEAN,
        since: None,
        read: boolean,
    },
    FlavorKey {
        name: "hairpin_snat_ip",
        description: "The source address of connections of a member to its own load balancer that come back to it: one IPv4 \
                      address, one IPv6 address, or both with a space between them. Left out: the VIP.",
        expected: "one IPv4 address, one IPv6 address, or both with a space between them",
        since: None,
        read: one_of_each_family,
    },
    FlavorKey {
        name: "neighbor_responder",
        description: "For which VIPs routers answer ARP and neighbor discovery. all: for all VIPs. reachable: for those in a subnet \
                      of the router's port. none: for none. Left out: all where a VIP is outside of these subnets, else \
                      reachable. Needs OVN 22.06.",
        expected: "all, reachable or none",
        since: Some(Since { release: "22.06", table: "NAT", column: "gateway_port" }),
        read: responder,
    },
    FlavorKey {
        name: "reject",
        description: "true: connections are refused at once while no member can take them. false, or left out: they time out.",
        expected: BOOLEAN,
        since: None,
        read: boolean,
    },
    FlavorKey {
        name: "skip_snat",
        description: "true: a router's lb_force_snat_ip does not apply, so members see clients' own addresses. false, or left \
                      out: it applies.",
        expected: BOOLEAN,
        since: None,
        read: boolean,
    },
    FlavorKey {
        name: "use_stateless_nat",
        description: "true: a router with several distributed gateway ports translates connections to the VIP without connection \
                      tracking, so that answers may leave through another gateway. false, or left out: it does not. Needs OVN \
                      25.03.",
        expected: BOOLEAN,
        since: Some(Since {
            release: "25.03",
            table: "Logical_Router_Static_Route",
            column: "selection_fields",
        }),
        read: boolean,
    },
];

/// The flavor key, and OVN's option, of the VIPs that routers answer ARP and neighbor discovery for.
pub const NEIGHBOR_RESPONDER: &str = "neighbor_responder";

const BOOLEAN: &str = "true or false";

impl FlavorKey {
    /// The key of a name.
    pub fn named(name: &str) -> Option<&'static FlavorKey> {
        FLAVOR_KEYS.iter().find(|key| key.name == name)
    }

    /// A value as OVN wants it, whichever way it was written; `None` where it is not what is [`expected`](Self::expected).
    pub fn read(&self, text: &str) -> Option<String> {
        (self.read)(text.trim())
    }
}

fn boolean(text: &str) -> Option<String> {
    ["true", "false"].iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).to_owned())
}

fn responder(text: &str) -> Option<String> {
    ["all", "reachable", "none"]
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| (*word).to_owned())
}

fn seconds(text: &str) -> Option<String> {
    // `parse` would take a sign.
    let seconds: u16 = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    (1..=LONGEST_AFFINITY).contains(&seconds).then(|| seconds.to_string())
}

fn one_of_each_family(text: &str) -> Option<String> {
    let mut addresses: Vec<IpAddr> =
        text.split_whitespace().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    // Nobody sends from these.
    if addresses.iter().any(|address| address.is_unspecified() || address.is_multicast()) {
        return None;
    }
    addresses.sort_by_key(IpAddr::is_ipv6);
    let families =
        addresses.windows(2).all(|pair| matches!(pair, [one, two] if one.is_ipv4() && two.is_ipv6()));
    let texts: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    (families && !texts.is_empty()).then(|| texts.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(key: &str, text: &str) -> Option<String> {
        FlavorKey::named(key).unwrap().read(text)
    }

    #[test]
    fn the_keys_are_sorted_and_have_words() {
        let names: Vec<_> = FLAVOR_KEYS.iter().map(|key| key.name).collect();
        assert_eq!(
            names,
            [
                "add_route",
                "affinity_timeout",
                "ct_flush",
                "hairpin_snat_ip",
                "neighbor_responder",
                "reject",
                "skip_snat",
                "use_stateless_nat"
            ]
        );
        assert!(
            FLAVOR_KEYS.iter().all(|key| key.description.ends_with('.') && !key.description.contains("  "))
        );
        assert!(FlavorKey::named("lb_mode").is_none());
    }

    #[test]
    fn booleans() {
        for key in ["add_route", "ct_flush", "reject", "skip_snat", "use_stateless_nat"] {
            for (text, wanted) in [("true", "true"), ("True", "true"), (" FALSE ", "false")] {
                assert_eq!(read(key, text).as_deref(), Some(wanted));
            }
            for bad in ["", "1", "0", "yes", "none", "true false"] {
                assert_eq!(read(key, bad), None, "{bad}");
            }
        }
    }

    #[test]
    fn neighbor_responder_takes_the_three_modes_of_ovn() {
        for (text, wanted) in [("all", "all"), ("Reachable", "reachable"), (" NONE ", "none")] {
            assert_eq!(read(NEIGHBOR_RESPONDER, text).as_deref(), Some(wanted));
        }
        for bad in ["", "true", "any", "all none"] {
            assert_eq!(read(NEIGHBOR_RESPONDER, bad), None, "{bad}");
        }
    }

    #[test]
    fn seconds_of_affinity() {
        for (text, wanted) in [("1", "1"), ("65535", "65535"), ("007", "7")] {
            assert_eq!(read("affinity_timeout", text).as_deref(), Some(wanted));
        }
        for bad in ["", "0", "65536", "-1", "+1", "1.0", "1s", "true"] {
            assert_eq!(read("affinity_timeout", bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_of_a_hairpin() {
        for (text, wanted) in [
            ("169.254.0.1", "169.254.0.1"),
            ("fd00:0:0::1", "fd00::1"),
            ("fd00::1 169.254.0.1", "169.254.0.1 fd00::1"),
            (" 169.254.0.1   fd00::1 ", "169.254.0.1 fd00::1"),
        ] {
            assert_eq!(read("hairpin_snat_ip", text).as_deref(), Some(wanted));
        }
        for bad in [
            "",
            "10.0.0.1 10.0.0.2",
            "fd00::1 fd00::2",
            "10.0.0.1 fd00::1 fd00::2",
            "10.0.0.1,fd00::1",
            "10.0.0.0/24",
            "[fd00::1]",
            "0.0.0.0",
            "ff02::1",
            "224.0.0.1",
            "host",
        ] {
            assert_eq!(read("hairpin_snat_ip", bad), None, "{bad}");
        }
    }

    proptest! {
        /// What was read is read again as it is: rows keep it.
        #[test]
        fn what_is_read_stays(text in "\\PC{0,20}|[0-9]{1,6}|(10\\.0\\.0\\.[0-9]{1,3}|fd00::[0-9a-f]{1,4}| ){1,3}") {
            for key in FLAVOR_KEYS {
                if let Some(value) = key.read(&text) {
                    prop_assert_eq!(key.read(&value), Some(value.clone()));
                    prop_assert!(value.len() <= 256 && value.is_ascii());
                }
            }
        }
    }
}
