//! Bindings generated from `wit/`, one module a world, the types shared.
//!
//! Generated code is not ours to document or to make safe: the lints are lifted for this module alone.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::restriction, rust_2018_idioms)]

pub mod protocol_world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "protocol-plugin",
        additional_derives: [PartialEq],
    });
}

pub mod algorithm_world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "algorithm-plugin",
        additional_derives: [PartialEq],
        with: {
            "weir:plugin/types": crate::bindings::protocol_world::weir::plugin::types,
            "weir:plugin/log": crate::bindings::protocol_world::weir::plugin::log,
        },
    });
}
