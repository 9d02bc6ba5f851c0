//! Typed ids. Octavia's and Neutron's ids are UUIDs in their hyphenated form; anything else is refused, since ids
//! become parts of keys in the Northbound.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not a hyphenated UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
pub struct IdError(pub String);

fn parse(text: &str) -> Result<Uuid, IdError> {
    // Uuid's own parser also takes braces, urn: and 32 plain digits.
    if text.len() != 36 {
        return Err(IdError(text.chars().take(64).collect()));
    }
    Uuid::try_parse(text).map_err(|_| IdError(text.to_owned()))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID.
            pub fn uuid(&self) -> Uuid { self.0 }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> { parse(text).map(Self) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.hyphenated().fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An Octavia load balancer.
    LoadBalancerId;
    /// An Octavia listener.
    ListenerId;
    /// An Octavia pool.
    PoolId;
    /// An Octavia member.
    MemberId;
    /// An Octavia health monitor.
    HealthMonitorId;
    /// An Octavia L7 policy.
    L7PolicyId;
    /// A rule of an Octavia L7 policy.
    L7RuleId;
    /// A Neutron network; its logical switch is `neutron-<id>`.
    NetworkId;
    /// A Neutron subnet.
    SubnetId;
    /// A Neutron port; its logical switch port's name is the id.
    PortId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let text = "94e7c431-912b-496c-a247-d52875d44ac7";
        assert_eq!(text.parse::<PoolId>().unwrap().to_string(), text);
        for bad in
            ["", "94e7c431912b496ca247d52875d44ac7", "{94e7c431-912b-496c-a247-d52875d44ac7}", "a,b:c_d"]
        {
            assert!(bad.parse::<PoolId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn upper_case_is_the_same_id() {
        let id: LoadBalancerId = "94E7C431-912B-496C-A247-D52875D44AC7".parse().unwrap();
        assert_eq!(id.to_string(), "94e7c431-912b-496c-a247-d52875d44ac7");
    }
}
