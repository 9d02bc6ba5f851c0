//! A network that members are in, or are not to be in.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A network; of one address where no prefix is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether an address is in it. An IPv4 address stays one in the clothes of IPv6 (`::ffff:10.0.0.1`).
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    fn read(text: &str) -> Result<Cidr, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Cidr(address.into()));
        }
        let net: IpNet = text.parse().map_err(|_| {
            format!("{text:?} is no network: as in \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.7\"")
        })?;
        // Somebody who writes 10.0.0.1/8 means either the address or the network: not for us to guess.
        if net.trunc() == net {
            Ok(Cidr(net))
        } else {
            Err(format!("{text:?} has bits beyond its prefix: write {} or {}", net.trunc(), net.addr()))
        }
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cidr, D::Error> {
        Cidr::read(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}
