//! `[unsupported_options]`: what becomes of options that OVN cannot honour and that protect nothing.

use serde::{Deserialize, Serialize};

/// What becomes of an option that OVN cannot honour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionPolicy {
    /// The call is refused.
    #[default]
    Refuse,
    /// The option is accepted and kept; it has no effect, which is a finding.
    Warn,
}

/// `[unsupported_options]`. A key that is not set is as `default`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnsupportedOptions {
    /// For all that have no key of their own.
    pub default: OptionPolicy,
    /// A listener's `connection_limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_limit: Option<OptionPolicy>,
    /// A listener's `timeout_client_data`, `timeout_member_connect`, `timeout_member_data` and `timeout_tcp_inspect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<OptionPolicy>,
    /// A member's `monitor_address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_address: Option<OptionPolicy>,
    /// A member's `monitor_port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_port: Option<OptionPolicy>,
    /// A member's `vnic_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnic_type: Option<OptionPolicy>,
    /// A load balancer's `vip_qos_policy_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_qos_policy_id: Option<OptionPolicy>,
}

impl UnsupportedOptions {
    /// The policy for an option as `object.attribute`; `None` for one that is always refused, because it protects something
    /// or changes what the object means.
    pub fn of(&self, field: &str) -> Option<OptionPolicy> {
        let own = match field {
            "listener.connection_limit" => self.connection_limit,
            "listener.timeout_client_data"
            | "listener.timeout_member_connect"
            | "listener.timeout_member_data"
            | "listener.timeout_tcp_inspect" => self.timeouts,
            "member.monitor_address" => self.monitor_address,
            "member.monitor_port" => self.monitor_port,
            "member.vnic_type" => self.vnic_type,
            "loadbalancer.vip_qos_policy_id" => self.vip_qos_policy_id,
            _ => return None,
        };
        Some(own.unwrap_or(self.default))
    }

    /// Whether an option is accepted without effect.
    pub fn warns(&self, field: &str) -> bool {
        self.of(field) == Some(OptionPolicy::Warn)
    }
}
