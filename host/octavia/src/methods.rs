//! The methods of octavia-lib's `ProviderDriver`: one table for routing, the API document and tests.

use serde_json::Value;
use weir_model::Change;

use crate::body::{
    self, BodyError, Object,
    kinds::{
        ADDITIONAL_VIP, HEALTH_MONITOR, L7POLICY, L7RULE, LISTENER, LOAD_BALANCER, MEMBER, POOL,
        VIP_DICTIONARY,
    },
    types::{Form, Kind, Type},
};

/// One method.
#[derive(Debug)]
pub struct DriverMethod {
    /// octavia-lib's name.
    pub name: &'static str,
    /// What its body holds.
    pub(crate) args: &'static [Arg],
    /// What it answers.
    pub answer: Answer,
}

/// One argument: a key of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arg {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
    pub(crate) form: Form,
    pub(crate) required: bool,
}

/// What a method answers when its body is well-formed.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// What became of the change it asks for.
    Change(ReadChange),
    /// The ports of VIPs, where the host makes them.
    VipPorts,
    /// `NotImplementedError` with this code and text.
    NotImplemented(&'static str, &'static str),
    /// `UnsupportedOptionError` with this code and text.
    Unsupported(&'static str, &'static str),
    /// What it answers always, as `result`.
    Result(fn() -> Value),
    /// Nothing, where the flavor's metadata are in order and the host can honour them.
    Flavor,
    /// Nothing, where Octavia itself enforces all of an availability zone's profile.
    Zone,
}

/// Reads a checked body.
pub type ReadChange = fn(&Object) -> Result<Change, BodyError>;

/// An argument that is no Octavia object.
const fn arg(name: &'static str, ty: Type, required: bool) -> Arg {
    Arg { name, ty, form: Form::Loose, required }
}

const fn object(name: &'static str, kind: &'static Kind, form: Form) -> Arg {
    Arg { name, ty: Type::Object(kind), form, required: !matches!(form, Form::Old | Form::Loose) }
}

const fn method(name: &'static str, args: &'static [Arg], answer: Answer) -> DriverMethod {
    DriverMethod { name, args, answer }
}

const L7: Answer = Answer::NotImplemented(
    "l7-not-implemented",
    "OVN balances on layer 4: L7 policies and rules are not supported",
);
const ZONE: Answer =
    Answer::NotImplemented("availability-zones-not-implemented", "availability zones are not supported");

/// All methods.
pub static METHODS: &[DriverMethod] = &[
    method(
        "create_vip_port",
        &[
            arg("loadbalancer_id", Type::Id, false),
            arg("project_id", Type::Text, false),
            arg("vip_dictionary", Type::Object(&VIP_DICTIONARY), false),
            arg("additional_vip_dicts", Type::Objects(&ADDITIONAL_VIP), false),
        ],
        Answer::VipPorts,
    ),
    method(
        "loadbalancer_create",
        &[object("loadbalancer", &LOAD_BALANCER, Form::Create)],
        Answer::Change(body::loadbalancer_create),
    ),
    method(
        "loadbalancer_delete",
        &[object("loadbalancer", &LOAD_BALANCER, Form::Delete), arg("cascade", Type::Bool, false)],
        Answer::Change(body::loadbalancer_delete),
    ),
    method(
        "loadbalancer_failover",
        &[arg("loadbalancer_id", Type::Id, true)],
        Answer::Change(body::loadbalancer_failover),
    ),
    // The nested get that a failover rests on shows the metadata of the new flavor.
    method(
        "loadbalancer_failover_with_flavor",
        &[arg("loadbalancer_id", Type::Id, true), arg("flavor_id", Type::Id, false)],
        Answer::Change(body::loadbalancer_failover),
    ),
    method(
        "loadbalancer_update",
        &[
            object("old_loadbalancer", &LOAD_BALANCER, Form::Old),
            object("new_loadbalancer", &LOAD_BALANCER, Form::New),
        ],
        Answer::Change(body::loadbalancer_update),
    ),
    method(
        "listener_create",
        &[object("listener", &LISTENER, Form::Create)],
        Answer::Change(body::listener_create),
    ),
    method(
        "listener_delete",
        &[object("listener", &LISTENER, Form::Delete)],
        Answer::Change(body::listener_delete),
    ),
    method(
        "listener_update",
        &[object("old_listener", &LISTENER, Form::Old), object("new_listener", &LISTENER, Form::New)],
        Answer::Change(body::listener_update),
    ),
    method("pool_create", &[object("pool", &POOL, Form::Create)], Answer::Change(body::pool_create)),
    method("pool_delete", &[object("pool", &POOL, Form::Delete)], Answer::Change(body::pool_delete)),
    method(
        "pool_update",
        &[object("old_pool", &POOL, Form::Old), object("new_pool", &POOL, Form::New)],
        Answer::Change(body::pool_update),
    ),
    method("member_create", &[object("member", &MEMBER, Form::Create)], Answer::Change(body::member_create)),
    method("member_delete", &[object("member", &MEMBER, Form::Delete)], Answer::Change(body::member_delete)),
    method(
        "member_update",
        &[object("old_member", &MEMBER, Form::Old), object("new_member", &MEMBER, Form::New)],
        Answer::Change(body::member_update),
    ),
    method(
        "member_batch_update",
        &[
            arg("pool_id", Type::Id, true),
            Arg { name: "members", ty: Type::Objects(&MEMBER), form: Form::Child, required: true },
        ],
        Answer::Change(body::member_batch_update),
    ),
    method(
        "health_monitor_create",
        &[object("healthmonitor", &HEALTH_MONITOR, Form::Create)],
        Answer::Change(body::health_monitor_create),
    ),
    method(
        "health_monitor_delete",
        &[object("healthmonitor", &HEALTH_MONITOR, Form::Delete)],
        Answer::Change(body::health_monitor_delete),
    ),
    method(
        "health_monitor_update",
        &[
            object("old_healthmonitor", &HEALTH_MONITOR, Form::Old),
            object("new_healthmonitor", &HEALTH_MONITOR, Form::New),
        ],
        Answer::Change(body::health_monitor_update),
    ),
    method("l7policy_create", &[object("l7policy", &L7POLICY, Form::Loose)], L7),
    method(
        "l7policy_delete",
        &[object("l7policy", &L7POLICY, Form::Delete)],
        Answer::Change(body::l7policy_delete),
    ),
    method(
        "l7policy_update",
        &[object("old_l7policy", &L7POLICY, Form::Loose), object("new_l7policy", &L7POLICY, Form::Loose)],
        L7,
    ),
    method("l7rule_create", &[object("l7rule", &L7RULE, Form::Loose)], L7),
    method("l7rule_delete", &[object("l7rule", &L7RULE, Form::Delete)], Answer::Change(body::l7rule_delete)),
    method(
        "l7rule_update",
        &[object("old_l7rule", &L7RULE, Form::Loose), object("new_l7rule", &L7RULE, Form::Loose)],
        L7,
    ),
    method("get_supported_flavor_metadata", &[], Answer::Result(body::flavor::supported)),
    method("validate_flavor", &[arg("flavor_metadata", Type::Map, false)], Answer::Flavor),
    method("get_supported_availability_zone_metadata", &[], ZONE),
    method(
        "validate_availability_zone",
        &[arg("availability_zone_metadata", Type::Map, false)],
        Answer::Zone,
    ),
];
