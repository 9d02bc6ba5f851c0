//! The values of octavia.conf that Octavia fills into listeners and pools whose user names none.
//!
//! The driver sends them with every call. The get socket has no defaults, so the values of all calls are kept for reading it.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::{BodyError, Within, shown},
    fields::Object,
    kinds,
    types::{FieldSpec, Form, Kind, Type},
};
use crate::{methods::DriverMethod, refusal::Refusal};

/// The header of a driver call that holds them, as JSON: `{"listener": {field: value}, "pool": {field: value}}`.
pub(crate) const HEADER: &str = "weir-octavia-defaults";

/// Values kept per field: octavia.conf changes seldom, and controllers may differ during an upgrade.
const KEPT: usize = 16;

/// The objects that have such fields, by their word in the header.
const OBJECTS: [(&str, &Kind); 2] = [("listener", &kinds::LISTENER), ("pool", &kinds::POOL)];

/// Values of octavia.conf by object and field; the newest value of a field is the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OctaviaDefaults(BTreeMap<String, BTreeMap<String, Vec<Value>>>);

impl OctaviaDefaults {
    /// Reads the header. Objects and fields that are not known are ignored: a newer driver may send more.
    ///
    /// # Errors
    /// A [`Refusal`] that names the field: a value of another type than the field's.
    pub(crate) fn parse(header: &[u8]) -> Result<Self, Refusal> {
        let malformed = |error: BodyError| {
            Refusal::malformed("bad-octavia-defaults", format!("Weir-Octavia-Defaults: {error}"))
        };
        let value = serde_json::from_slice(header)
            .map_err(|error| malformed(BodyError::NotJson(error.to_string())))?;
        Self::read(&value).map_err(malformed)
    }

    fn read(value: &Value) -> Result<Self, BodyError> {
        let objects = value.as_object().ok_or_else(|| BodyError::NotObject(shown(value)))?;
        let mut defaults = Self::default();
        for (object, kind) in OBJECTS {
            let Some(fields) = objects.get(object) else { continue };
            let fields = fields
                .as_object()
                .ok_or_else(|| BodyError::wrong_type("an object", fields))
                .within(object)?;
            for FieldSpec { name, ty, .. } in kind.fields.iter().filter(|field| field.extra.is_some()) {
                let Some(value) = fields.get(*name).filter(|value| !value.is_null()) else { continue };
                ty.check(value, Form::Loose).within(name).within(object)?;
                defaults
                    .0
                    .entry(object.to_owned())
                    .or_default()
                    .insert((*name).to_owned(), vec![value.clone()]);
            }
        }
        Ok(defaults)
    }

    /// Adds the values of others; says whether any is new.
    pub fn learn(&mut self, others: &Self) -> bool {
        let mut news = false;
        for (object, fields) in &others.0 {
            let known = self.0.entry(object.clone()).or_default();
            for (field, values) in fields {
                let known = known.entry(field.clone()).or_default();
                for value in values
                    .iter()
                    .filter(|value| !known.iter().any(|known| same(known, value)))
                    .collect::<Vec<_>>()
                {
                    known.push(value.clone());
                    news = true;
                }
                let surplus = known.len().saturating_sub(KEPT);
                known.drain(..surplus);
            }
        }
        news
    }

    /// Clears the fields of a call's objects that hold such a value: it is not the user's wish.
    pub(crate) fn clear_in_call(&self, method: &DriverMethod, args: &mut Object) {
        if self.0.is_empty() {
            return;
        }
        for arg in method.args.iter().filter(|arg| arg.form != Form::Old) {
            if let Some(value) = args.get_mut(arg.name) {
                self.clear(&arg.ty, value);
            }
        }
    }

    /// The same in an object that Octavia's get socket has shown.
    pub(crate) fn clear_in_load_balancer(&self, answer: &mut Value) {
        if !self.0.is_empty() {
            self.clear(&Type::Object(&kinds::LOAD_BALANCER), answer);
        }
    }

    fn clear(&self, ty: &Type, value: &mut Value) {
        match (ty, value) {
            (Type::Object(kind), Value::Object(map)) => self.clear_object(kind, map),
            (Type::Objects(kind), Value::Array(list)) => {
                list.iter_mut().filter_map(Value::as_object_mut).for_each(|map| self.clear_object(kind, map));
            }
            _ => {}
        }
    }

    fn clear_object(&self, kind: &Kind, map: &mut Object) {
        let defaults =
            OBJECTS.iter().find(|(_, with)| with.name == kind.name).and_then(|(word, _)| self.0.get(*word));
        for FieldSpec { name, ty, extra } in kind.fields {
            let Some(value) = map.get_mut(*name) else { continue };
            let known = defaults.filter(|_| extra.is_some()).and_then(|defaults| defaults.get(*name));
            if known.is_some_and(|known| known.iter().any(|known| same(known, value))) {
                *value = Value::Null;
            } else {
                self.clear(ty, value);
            }
        }
    }
}

/// Equal values; lists of words are sets.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().all(|word| other.contains(word))
        }
        _ => one == other,
    }
}

/// The values of all calls so far, shared between the calls and the readers of the get socket.
#[derive(Clone, Debug, Default)]
pub struct KnownDefaults(Arc<RwLock<Arc<OctaviaDefaults>>>);

impl KnownDefaults {
    /// Begins with values that are known already.
    pub fn new(defaults: OctaviaDefaults) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(defaults))))
    }

    /// The values that are known now.
    pub fn now(&self) -> Arc<OctaviaDefaults> {
        self.0.read().clone()
    }

    /// Adds values; gives all that are known now where any was new.
    pub fn learn(&self, others: &OctaviaDefaults) -> Option<Arc<OctaviaDefaults>> {
        if !OctaviaDefaults::clone(&self.now()).learn(others) {
            return None;
        }
        let mut known = self.0.write();
        let mut all = OctaviaDefaults::clone(&known);
        all.learn(others);
        *known = Arc::new(all);
        Some(known.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::methods::METHODS;

    fn sent(value: &Value) -> OctaviaDefaults {
        OctaviaDefaults::parse(value.to_string().as_bytes()).unwrap()
    }

    fn cleared(defaults: &OctaviaDefaults, method: &str, body: Value) -> Value {
        let method = METHODS.iter().find(|known| known.name == method).unwrap();
        let Value::Object(mut args) = body else { panic!("not an object") };
        defaults.clear_in_call(method, &mut args);
        Value::Object(args)
    }

    #[test]
    fn default_value_is_cleared_at_every_depth_and_other_values_stay() {
        let defaults = sent(&json!({
            "listener": {"timeout_client_data": 60000, "tls_versions": ["TLSv1.2", "TLSv1.3"]},
            "pool": {"tls_ciphers": "A:B"}, "l7policy": {"position": 1},
        }));
        let listener = json!({"timeout_client_data": 60000, "timeout_member_data": 60000,
            "tls_versions": ["TLSv1.3", "TLSv1.2"], "default_pool": {"tls_ciphers": "A:B"}});
        let pool = json!({"tls_ciphers": "A:B", "tls_versions": ["TLSv1.2", "TLSv1.3"]});
        let body = json!({"loadbalancer": {"listeners": [listener], "pools": [pool]}});
        let wanted = json!({"loadbalancer": {
            "listeners": [{"timeout_client_data": null, "timeout_member_data": 60000, "tls_versions": null,
                "default_pool": {"tls_ciphers": null}}],
            "pools": [{"tls_ciphers": null, "tls_versions": ["TLSv1.2", "TLSv1.3"]}]}});
        assert_eq!(cleared(&defaults, "loadbalancer_create", body.clone()), wanted);
        let mut answer = body["loadbalancer"].clone();
        defaults.clear_in_load_balancer(&mut answer);
        assert_eq!(answer, wanted["loadbalancer"]);
        let update = json!({"old_listener": {"timeout_client_data": 60000}, "new_listener": {"timeout_client_data": 60000}});
        let wanted = json!({"old_listener": {"timeout_client_data": 60000}, "new_listener": {"timeout_client_data": null}});
        assert_eq!(cleared(&defaults, "listener_update", update), wanted);
    }

    #[test]
    fn value_of_another_type_is_refused_by_name() {
        let refused = |value: Value| OctaviaDefaults::parse(value.to_string().as_bytes()).unwrap_err();
        let refusal = refused(json!({"listener": {"timeout_client_data": "soon"}}));
        assert_eq!(refusal.code, "bad-octavia-defaults");
        assert!(
            refusal.user.contains("listener.timeout_client_data: expected a whole number"),
            "{}",
            refusal.user
        );
        assert!(refused(json!([])).user.contains("must be a JSON object"));
        assert!(OctaviaDefaults::parse(b"{").unwrap_err().user.contains("not JSON"));
    }

    #[test]
    fn earlier_values_are_kept_up_to_a_limit() {
        let timeout = |value: usize| sent(&json!({"listener": {"timeout_client_data": value}}));
        let known = KnownDefaults::default();
        for value in 0..KEPT + 2 {
            assert!(known.learn(&timeout(value)).is_some());
            assert!(known.learn(&timeout(value)).is_none(), "nothing new");
        }
        let is_default = |value: usize| {
            let body = json!({"listener": {"timeout_client_data": value}});
            cleared(&known.now(), "listener_create", body)["listener"]["timeout_client_data"].is_null()
        };
        assert!(is_default(2) && is_default(KEPT + 1));
        assert!(!is_default(1) && !is_default(KEPT + 2));
        let text = serde_json::to_string(&*known.now()).unwrap();
        assert_eq!(serde_json::from_str::<OctaviaDefaults>(&text).unwrap(), *known.now());
    }
}
