//! The API document, OpenAPI 3.1, generated from the tables of methods, objects and routes.

mod answers;
mod schemas;

use serde_json::{Map, Value, json};

use crate::{
    methods::{Answer, DriverMethod, METHODS},
    routes::{Operation, ROUTES},
};
use answers::{error, errors, json_answer};

/// The document. The driver's methods stand as paths of their own, since each has a body of its own.
pub fn document() -> Value {
    let mut paths = Map::new();
    for (path, operation) in ROUTES {
        if *operation == Operation::DriverCall {
            for method in METHODS {
                add(&mut paths, &path.replace("{method}", method.name), "post", driver_call(method));
            }
        } else {
            let (verb, description) = describe(*operation);
            add(&mut paths, path, verb, description);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Weir provider API",
            "version": "1",
            "description": "What Octavia's driver calls, and what operators read. In bodies a missing key is Unset \
                            (left as it is, or the default), null clears, unknown keys are ignored.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "description": "Needed over TCP; not over the Unix socket, nor with a client certificate where the host asks for one.",
            } },
            "schemas": schemas::schemas(),
            "responses": { "Error": error("The call is refused and has changed nothing.") },
        },
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, verb: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    if let Some(item) = item.as_object_mut() {
        item.insert(verb.to_owned(), operation);
    }
}

fn driver_call(method: &DriverMethod) -> Value {
    let required: Vec<_> = method.args.iter().filter(|arg| arg.required).map(|arg| arg.name).collect();
    let properties: Map<_, _> =
        method.args.iter().map(|arg| (arg.name.to_owned(), schemas::argument(arg))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("required".to_owned(), json!(required));
    }
    let (description, mut responses) = match method.answer {
        Answer::Change(_) => (
            "Takes on the change. The same Idempotency-Key again gives the first answer.".to_owned(),
            errors(&["400", "401", "404", "408", "413", "422", "500", "501", "503"]),
        ),
        Answer::VipPorts => (
            "Makes the ports of the VIPs, all or none; the same Idempotency-Key again gives the first answer. Where the \
             host has no Neutron, NotImplementedError: Octavia then makes the port itself."
                .to_owned(),
            errors(&["400", "401", "408", "409", "413", "500", "501", "503"]),
        ),
        Answer::NotImplemented(code, text) => (
            format!("Always NotImplementedError ({code}): {text}."),
            errors(&["400", "401", "408", "413", "501"]),
        ),
        Answer::Unsupported(code, text) => (
            format!("Always UnsupportedOptionError ({code}): {text}."),
            errors(&["400", "401", "408", "413", "422"]),
        ),
        Answer::Result(_) => ("Always the same answer.".to_owned(), errors(&["400", "401", "408", "413"])),
        Answer::Flavor => (
            "Judges the arguments; nothing is changed.".to_owned(),
            errors(&["400", "401", "408", "413", "422"]),
        ),
        Answer::Zone => (
            "Judges the arguments; nothing is changed.".to_owned(),
            errors(&["400", "401", "408", "413", "422", "501"]),
        ),
    };
    let good = match method.answer {
        Answer::Change(_) => Some(json_answer("Taken on.", "Accepted")),
        Answer::VipPorts => Some(json_answer("Made: `[vip, additional_vips]`.", "VipPorts")),
        Answer::Result(_) => Some(json_answer("The result.", "Result")),
        Answer::Flavor | Answer::Zone => Some(json_answer("In order.", "Anything")),
        Answer::NotImplemented(..) | Answer::Unsupported(..) => None,
    };
    responses.extend(good.map(|answer| ("200".to_owned(), answer)));
    json!({
        "operationId": method.name,
        "tags": ["driver"],
        "summary": format!("octavia-lib's ProviderDriver.{}", method.name),
        "description": description,
        "parameters": [
            { "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 128 } },
            { "name": "X-Openstack-Request-Id", "in": "header", "schema": { "type": "string" } },
            { "name": "Weir-Expires", "in": "header", "schema": { "type": "number" },
              "description": "Unix time in seconds after which the caller will have given up: a call that is read later is refused." },
            { "name": "Weir-Octavia-Defaults", "in": "header", "schema": { "type": "string" },
              "description": "JSON, `{\"listener\": {field: value}, \"pool\": {field: value}}`: what Octavia's configuration \
                              fills into objects whose user names nothing. Such a value is no wish of the user's." },
        ],
        "requestBody": {
            "required": !required.is_empty(),
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
    })
}

fn describe(operation: Operation) -> (&'static str, Value) {
    let uuid = || json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }]);
    let key = || {
        json!([{
            "name": "id", "in": "path", "required": true, "description": "A change's id, or the Idempotency-Key of its call.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        }])
    };
    let set = || {
        json!([{
            "name": "set", "in": "path", "required": true, "description": "The digest of the set that waits.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        }])
    };
    let read = |id: &str, summary: &str, parameters: Value, answer: Value, codes: &[&str]| {
        let mut responses = errors(codes);
        responses.insert("200".to_owned(), answer);
        json!({
            "operationId": id, "tags": ["read"], "summary": summary, "parameters": parameters, "responses": responses,
        })
    };
    let none = || json!([]);
    let pausing = |id: &str, summary: &str, parameters: Value, codes: &[&str]| {
        ("post", read(id, summary, parameters, json_answer("What is paused now.", "Anything"), codes))
    };
    match operation {
        // Described method by method.
        Operation::DriverCall => ("post", json!({})),
        Operation::LoadBalancers => (
            "get",
            read(
                "load_balancers",
                "All load balancers",
                none(),
                json_answer("Found.", "Anything"),
                &["400", "401"],
            ),
        ),
        Operation::LoadBalancer => (
            "get",
            read(
                "load_balancer",
                "One load balancer: graph, statuses, rows, pending changes, drift, why its last change failed",
                uuid(),
                json_answer("Found.", "Anything"),
                &["400", "401", "404"],
            ),
        ),
        Operation::Reconcile => {
            let mut parameters = uuid();
            if let Some(parameters) = parameters.as_array_mut() {
                parameters.push(json!({ "name": "dry_run", "in": "query", "schema": { "type": "boolean", "default": false } }));
            }
            let answer = json_answer("The plan.", "Anything");
            let codes = &["400", "401", "404", "500", "503"];
            (
                "post",
                read("reconcile", "Plan and apply now; with dry_run only plan", parameters, answer, codes),
            )
        }
        Operation::Pause => pausing(
            "pause",
            "Write nothing for a load balancer until it is resumed; calls are taken on and kept",
            uuid(),
            &["400", "401", "404", "503"],
        ),
        Operation::Resume => pausing(
            "resume",
            "Go on with a load balancer, and with what has waited",
            uuid(),
            &["400", "401", "503"],
        ),
        Operation::PauseAll => pausing(
            "pause_all",
            "Write nothing for any load balancer until that is resumed",
            none(),
            &["400", "401", "503"],
        ),
        Operation::ResumeAll => pausing(
            "resume_all",
            "Go on; load balancers paused one by one stay so",
            none(),
            &["400", "401", "503"],
        ),
        Operation::Sync => {
            let flag = |name: &str, what: &str| json!({ "name": name, "in": "query", "description": what, "schema": { "type": "boolean", "default": false } });
            let parameters = json!([
                { "name": "lb", "in": "query", "description": "Only this load balancer.",
                  "schema": { "type": "string", "format": "uuid" } },
                flag("dry_run", "Only say what would be done."),
                flag("remove_leaked", "Take out what Octavia has denied twice, at most 5 % of all."),
            ]);
            let summary = "Compare with Octavia over the get socket, make rows and statuses so";
            let answer = json_answer("What became of each load balancer.", "Anything");
            ("post", read("sync", summary, parameters, answer, &["400", "401", "404", "503"]))
        }
        Operation::Release => {
            let flag = |name: &str, what: &str| json!({ "name": name, "in": "query", "description": what, "schema": { "type": "boolean", "default": false } });
            let parameters = json!([
                { "name": "lb", "in": "query", "description": "Only this load balancer; else all of the deployment.",
                  "schema": { "type": "string", "format": "uuid" } },
                flag("dry_run", "Only say what would be done."),
                flag("force", "Also where connections go elsewhere then."),
            ]);
            let summary =
                "Give load balancers back to the reference driver: one row a protocol, no key of Weir's";
            let answer = json_answer("What became of each load balancer, and what it lost.", "Anything");
            ("post", read("release", summary, parameters, answer, &["400", "401", "404", "503"]))
        }
        Operation::ChangeState => (
            "get",
            read(
                "change",
                "What became of a change",
                key(),
                json_answer("Accepted once.", "ChangeState"),
                &["400", "401", "404"],
            ),
        ),
        Operation::Abandon => (
            "delete",
            read(
                "abandon",
                "Abandon a change and take back what it did; also one that was never accepted",
                key(),
                json_answer("Abandoned.", "ChangeState"),
                &["400", "401", "500", "503"],
            ),
        ),
        Operation::Plugins => (
            "get",
            read("plugins", "The plugins", none(), json_answer("All of them.", "Anything"), &["400", "401"]),
        ),
        Operation::PluginsReload => (
            "post",
            read(
                "plugins_reload",
                "Read the plugin folder again and take its plugins into use, all or none",
                none(),
                json_answer("Taken into use, unchanged, or waiting for a confirmation.", "Anything"),
                &["400", "401", "500", "503"],
            ),
        ),
        Operation::PluginsConfirm => (
            "post",
            read(
                "plugins_confirm",
                "Take a set of plugins into use that waits for a confirmation",
                set(),
                json_answer("Taken into use.", "Anything"),
                &["400", "401", "404", "500", "503"],
            ),
        ),
        Operation::Healthz => (
            "get",
            read(
                "healthz",
                "Whether the process lives",
                none(),
                json_answer("It does.", "Anything"),
                &["401"],
            ),
        ),
        Operation::Readyz => {
            let mut readyz = read(
                "readyz",
                "Whether calls can be taken on",
                none(),
                json_answer("They can.", "Readiness"),
                &["401"],
            );
            if let Some(responses) = readyz.get_mut("responses").and_then(Value::as_object_mut) {
                responses.insert("503".to_owned(), json_answer("They cannot.", "Readiness"));
            }
            ("get", readyz)
        }
        Operation::Metrics => {
            let text = json!({
                "description": "OpenMetrics 1.0.",
                "content": { "application/openmetrics-text": { "schema": { "type": "string" } } },
            });
            ("get", read("metrics", "Metrics", none(), text, &["401"]))
        }
        Operation::OpenApi => (
            "get",
            read("openapi", "This document", none(), json_answer("OpenAPI 3.1.", "Anything"), &["401"]),
        ),
    }
}
