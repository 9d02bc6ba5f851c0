//! Schemas of the API document.

use serde_json::{Map, Value, json};

use crate::{
    body::{
        kinds::KINDS,
        types::{Default, FieldSpec, Form, Kind, Type},
    },
    methods::Arg,
};

/// All schemas.
pub fn schemas() -> Value {
    let mut schemas: Map<_, _> = KINDS.iter().map(|kind| (kind.name.to_owned(), object(kind))).collect();
    schemas.insert("Accepted".to_owned(), json!({
        "type": "object",
        "required": ["change", "committed"],
        "properties": {
            "change": { "type": "string", "description": "For /v1/changes/{id}." },
            "committed": {
                "type": "boolean",
                "description": "False when the Northbound did not confirm within the call's budget; the change goes on.",
            },
        },
    }));
    schemas.insert(
        "VipPorts".to_owned(),
        json!({
            "type": "object",
            "required": ["result"],
            "properties": { "result": {
                "type": "array",
                "description": "The VIP, and the list of further VIPs, each with its port and address.",
                "prefixItems": [
                    { "$ref": "#/components/schemas/VipDictionary" },
                    { "type": "array", "items": { "$ref": "#/components/schemas/AdditionalVip" } },
                ],
                "items": false,
                "minItems": 2,
            } },
        }),
    );
    schemas.insert(
        "ChangeState".to_owned(),
        json!({
            "type": "object",
            "required": ["id", "state"],
            "properties": {
                "id": { "type": "string" },
                "state": { "enum": ["pending", "committed", "failed", "abandoned"] },
                "method": { "type": ["string", "null"] },
                "loadbalancer_id": { "type": ["string", "null"], "format": "uuid" },
                "detail": { "type": ["string", "null"] },
            },
        }),
    );
    schemas.insert("Readiness".to_owned(), json!({
        "type": "object",
        "required": ["ready", "conditions"],
        "properties": {
            "ready": { "type": "boolean" },
            "conditions": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "ok", "detail"],
                "properties": {
                    "name": { "type": "string" }, "ok": { "type": "boolean" }, "detail": { "type": "string" },
                },
            } },
        },
    }));
    schemas.insert("Error".to_owned(), json!({
        "type": "object",
        "required": ["error", "code", "user_fault_string", "operator_fault_string"],
        "properties": {
            "error": {
                "enum": ["UnsupportedOptionError", "NotImplementedError", "DriverError", "NotFound", "Conflict"],
                "description": "octavia-lib's exception.",
            },
            "code": { "type": "string", "description": "Stable, kebab-case." },
            "user_fault_string": { "type": "string" },
            "operator_fault_string": { "type": "string" },
        },
    }));
    schemas.insert(
        "Result".to_owned(),
        json!({
            "type": "object", "required": ["result"], "properties": { "result": { "type": "object" } },
        }),
    );
    schemas.insert("Anything".to_owned(), json!({ "type": ["object", "array"] }));
    Value::Object(schemas)
}

/// One argument of a driver method.
pub fn argument(arg: &Arg) -> Value {
    match arg.ty {
        Type::Object(kind) => in_form(kind, arg.form),
        Type::Objects(kind) => json!({ "type": "array", "items": in_form(kind, arg.form) }),
        ty => plain(&ty),
    }
}

/// An object with what its role in the call makes required.
fn in_form(kind: &Kind, form: Form) -> Value {
    let required: Vec<_> = kind.required(form).collect();
    if required.is_empty() {
        return reference(kind);
    }
    json!({ "allOf": [reference(kind), { "required": required }] })
}

fn reference(kind: &Kind) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", kind.name) })
}

fn object(kind: &Kind) -> Value {
    let properties: Map<_, _> =
        kind.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    json!({ "type": "object", "properties": properties })
}

fn property(field: &FieldSpec) -> Value {
    if let Type::Object(kind) = field.ty {
        return json!({ "oneOf": [in_form(kind, Form::Old), { "type": "null" }] });
    }
    let mut schema = plain(&field.ty);
    let Some(keywords) = schema.as_object_mut() else { return schema };
    if let Some(ty) = keywords.get_mut("type") {
        match ty {
            Value::Array(types) => types.push(json!("null")),
            one => *one = json!([one.take(), "null"]),
        }
    }
    let default = match field.extra {
        Some(Default::Int(number)) => json!(number),
        Some(Default::Text(text)) => json!(text),
        Some(Default::False) => json!(false),
        Some(Default::Empty | Default::Null) | None => return schema,
    };
    keywords.insert("default".to_owned(), default);
    schema
}

fn plain(ty: &Type) -> Value {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Id => json!({ "type": "string", "format": "uuid" }),
        Type::Ip => json!({ "type": "string", "description": "An IPv4 or IPv6 address." }),
        Type::Cidr => json!({ "type": "string", "description": "A network, address/length." }),
        Type::Int(i64::MIN, i64::MAX) => json!({ "type": "integer" }),
        Type::Int(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Type::Number => json!({ "type": "number" }),
        Type::Text => json!({ "type": "string" }),
        Type::Word => json!({ "type": "string", "minLength": 1 }),
        Type::ListOf(ty) => json!({ "type": "array", "items": plain(ty) }),
        Type::Map => json!({ "type": "object" }),
        Type::Profile => json!({ "type": ["object", "string"] }),
        Type::Object(kind) => reference(kind),
        Type::Objects(kind) => json!({ "type": "array", "items": reference(kind) }),
        Type::Secret => json!({ "description": "Not looked at and never logged." }),
    }
}
