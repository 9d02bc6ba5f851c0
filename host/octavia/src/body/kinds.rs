//! The fields of Octavia's objects: octavia-lib 3.12 `data_models.py` and `provider_base.py`.

use super::types::{Default, FieldSpec, INT, Kind, PORT, Type, U32, WEIGHT};

const fn field(name: &'static str, ty: Type) -> FieldSpec {
    FieldSpec { name, ty, extra: None }
}

const fn extra(name: &'static str, ty: Type, default: Default) -> FieldSpec {
    FieldSpec { name, ty, extra: Some(default) }
}

const TEXTS: Type = Type::ListOf(&Type::Text);

/// A load balancer.
pub static LOAD_BALANCER: Kind = Kind {
    name: "LoadBalancer",
    id: Some("loadbalancer_id"),
    parent: None,
    needs: &["vip_address"],
    fields: &[
        field("loadbalancer_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("description", Type::Text),
        field("flavor", Type::Profile),
        field("listeners", Type::Objects(&LISTENER)),
        field("name", Type::Text),
        field("pools", Type::Objects(&POOL)),
        field("project_id", Type::Text),
        field("vip_address", Type::Ip),
        field("vip_network_id", Type::Id),
        field("vip_port_id", Type::Id),
        field("vip_subnet_id", Type::Id),
        extra("vip_qos_policy_id", Type::Id, Default::Null),
        field("vip_sg_ids", Type::ListOf(&Type::Id)),
        field("additional_vips", Type::Objects(&ADDITIONAL_VIP)),
        field("availability_zone", Type::Profile),
    ],
};

/// A further VIP.
pub static ADDITIONAL_VIP: Kind = Kind {
    name: "AdditionalVip",
    id: None,
    parent: None,
    needs: &[],
    fields: &[
        field("ip_address", Type::Ip),
        field("network_id", Type::Id),
        field("port_id", Type::Id),
        field("subnet_id", Type::Id),
    ],
};

/// The VIP as `create_vip_port` gets it.
pub static VIP_DICTIONARY: Kind = Kind {
    name: "VipDictionary",
    id: None,
    parent: None,
    needs: &[],
    fields: &[
        field("vip_address", Type::Ip),
        field("vip_network_id", Type::Id),
        field("vip_port_id", Type::Id),
        field("vip_subnet_id", Type::Id),
        field("vip_qos_policy_id", Type::Id),
        field("vip_sg_ids", Type::ListOf(&Type::Id)),
        field("octavia_owned", Type::Bool),
    ],
};

/// A listener.
pub static LISTENER: Kind = Kind {
    name: "Listener",
    id: Some("listener_id"),
    parent: Some("loadbalancer_id"),
    needs: &["protocol", "protocol_port"],
    fields: &[
        field("listener_id", Type::Id),
        field("loadbalancer_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("name", Type::Text),
        field("description", Type::Text),
        field("project_id", Type::Text),
        field("protocol", Type::Word),
        field("protocol_port", PORT),
        field("default_pool", Type::Object(&POOL)),
        field("default_pool_id", Type::Id),
        field("allowed_cidrs", Type::ListOf(&Type::Cidr)),
        extra("connection_limit", INT, Default::Int(-1)),
        extra("timeout_client_data", INT, Default::Int(50_000)),
        extra("timeout_member_connect", INT, Default::Int(5_000)),
        extra("timeout_member_data", INT, Default::Int(50_000)),
        extra("timeout_tcp_inspect", INT, Default::Int(0)),
        extra("insert_headers", Type::Map, Default::Empty),
        extra("l7policies", Type::Objects(&L7POLICY), Default::Empty),
        extra("default_tls_container_ref", Type::Text, Default::Null),
        extra("sni_container_refs", TEXTS, Default::Empty),
        extra("client_ca_tls_container_ref", Type::Text, Default::Null),
        extra("client_authentication", Type::Text, Default::Text("NONE")),
        extra("client_crl_container_ref", Type::Text, Default::Null),
        extra("tls_versions", TEXTS, Default::Null),
        extra("tls_ciphers", Type::Text, Default::Null),
        extra("alpn_protocols", TEXTS, Default::Null),
        extra("hsts_max_age", INT, Default::Null),
        extra("hsts_include_subdomains", Type::Bool, Default::False),
        extra("hsts_preload", Type::Bool, Default::False),
        field("default_tls_container_data", Type::Secret),
        field("sni_container_data", Type::Secret),
        field("client_ca_tls_container_data", Type::Secret),
        field("client_crl_container_data", Type::Secret),
    ],
};

/// A pool.
pub static POOL: Kind = Kind {
    name: "Pool",
    id: Some("pool_id"),
    parent: Some("loadbalancer_id"),
    needs: &["protocol", "lb_algorithm"],
    fields: &[
        field("pool_id", Type::Id),
        field("loadbalancer_id", Type::Id),
        field("listener_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("name", Type::Text),
        field("description", Type::Text),
        field("project_id", Type::Text),
        field("protocol", Type::Word),
        field("lb_algorithm", Type::Word),
        field("members", Type::Objects(&MEMBER)),
        field("healthmonitor", Type::Object(&HEALTH_MONITOR)),
        field("session_persistence", Type::Object(&SESSION_PERSISTENCE)),
        extra("tls_enabled", Type::Bool, Default::False),
        extra("tls_container_ref", Type::Text, Default::Null),
        extra("ca_tls_container_ref", Type::Text, Default::Null),
        extra("crl_container_ref", Type::Text, Default::Null),
        extra("tls_versions", TEXTS, Default::Null),
        extra("tls_ciphers", Type::Text, Default::Null),
        extra("alpn_protocols", TEXTS, Default::Null),
        field("tls_container_data", Type::Secret),
        field("ca_tls_container_data", Type::Secret),
        field("crl_container_data", Type::Secret),
    ],
};

/// How a client keeps its member.
pub static SESSION_PERSISTENCE: Kind = Kind {
    name: "SessionPersistence",
    id: None,
    parent: None,
    needs: &["type"],
    fields: &[
        field("type", Type::Word),
        field("persistence_timeout", U32),
        extra("cookie_name", Type::Text, Default::Null),
        extra("persistence_granularity", Type::Text, Default::Null),
    ],
};

/// A member.
pub static MEMBER: Kind = Kind {
    name: "Member",
    id: Some("member_id"),
    parent: Some("pool_id"),
    needs: &["address", "protocol_port"],
    fields: &[
        field("member_id", Type::Id),
        field("pool_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("name", Type::Text),
        field("project_id", Type::Text),
        field("address", Type::Ip),
        field("protocol_port", PORT),
        field("subnet_id", Type::Id),
        field("weight", WEIGHT),
        field("backup", Type::Bool),
        extra("monitor_address", Type::Ip, Default::Null),
        extra("monitor_port", PORT, Default::Null),
        extra("vnic_type", Type::Text, Default::Text("normal")),
    ],
};

/// A health monitor.
pub static HEALTH_MONITOR: Kind = Kind {
    name: "HealthMonitor",
    id: Some("healthmonitor_id"),
    parent: Some("pool_id"),
    needs: &["type", "delay", "timeout"],
    fields: &[
        field("healthmonitor_id", Type::Id),
        field("pool_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("name", Type::Text),
        field("project_id", Type::Text),
        field("type", Type::Word),
        field("delay", U32),
        field("timeout", U32),
        field("max_retries", U32),
        field("max_retries_down", U32),
        extra("expected_codes", Type::Text, Default::Null),
        extra("http_method", Type::Text, Default::Null),
        extra("url_path", Type::Text, Default::Null),
        extra("http_version", Type::Number, Default::Null),
        extra("domain_name", Type::Text, Default::Null),
    ],
};

/// An L7 policy.
pub static L7POLICY: Kind = Kind {
    name: "L7Policy",
    id: Some("l7policy_id"),
    parent: Some("listener_id"),
    needs: &["action"],
    fields: &[
        field("l7policy_id", Type::Id),
        field("listener_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("name", Type::Text),
        field("description", Type::Text),
        field("project_id", Type::Text),
        field("action", Type::Word),
        field("position", INT),
        field("redirect_pool_id", Type::Id),
        field("redirect_url", Type::Text),
        field("redirect_prefix", Type::Text),
        field("redirect_http_code", INT),
        field("rules", Type::Objects(&L7RULE)),
    ],
};

/// An L7 rule.
pub static L7RULE: Kind = Kind {
    name: "L7Rule",
    id: Some("l7rule_id"),
    parent: Some("l7policy_id"),
    needs: &["type", "compare_type"],
    fields: &[
        field("l7rule_id", Type::Id),
        field("l7policy_id", Type::Id),
        field("admin_state_up", Type::Bool),
        field("project_id", Type::Text),
        field("type", Type::Word),
        field("compare_type", Type::Word),
        field("invert", Type::Bool),
        field("key", Type::Text),
        field("value", Type::Text),
    ],
};

/// Every kind, for the schemas.
pub static KINDS: &[&Kind] = &[
    &LOAD_BALANCER,
    &ADDITIONAL_VIP,
    &VIP_DICTIONARY,
    &LISTENER,
    &POOL,
    &SESSION_PERSISTENCE,
    &MEMBER,
    &HEALTH_MONITOR,
    &L7POLICY,
    &L7RULE,
];
