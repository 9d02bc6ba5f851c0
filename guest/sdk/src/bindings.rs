//! Bindings generated from `wit/`.
//!
//! One `generate!` an exported interface, so that a plugin exports what it serves and no more: the worlds
//! `protocol-plugin` and `algorithm-plugin` are the unions of these parts, and a component's type is the
//! union of the parts it exported. (Both whole worlds in one crate would each define `about`.)
//!
//! Generated code is not ours to document or to make safe: the lints are lifted for this module alone.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::restriction, rust_2018_idioms)]

/// `types`, `log`, and the export of `about`.
pub mod about_part {
    wit_bindgen::generate!({
        inline: "
            package weir:guest-about@1.0.0;
            world about-part {
                import weir:plugin/log@1.0.0;
                export weir:plugin/about@1.0.0;
            }
        ",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_about_part",
        default_bindings_module: "weir_guest::bindings::about_part",
        additional_derives: [PartialEq],
        generate_unused_types: true,
        generate_all,
    });
}

/// The export of `protocol`.
pub mod protocol_part {
    wit_bindgen::generate!({
        inline: "
            package weir:guest-protocol@1.0.0;
            world protocol-part {
                export weir:plugin/protocol@1.0.0;
            }
        ",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_protocol_part",
        default_bindings_module: "weir_guest::bindings::protocol_part",
        additional_derives: [PartialEq],
        generate_all,
        with: { "weir:plugin/types@1.0.0": crate::bindings::about_part::weir::plugin::types },
    });
}

/// The export of `algorithm`.
pub mod algorithm_part {
    wit_bindgen::generate!({
        inline: "
            package weir:guest-algorithm@1.0.0;
            world algorithm-part {
                export weir:plugin/algorithm@1.0.0;
            }
        ",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_algorithm_part",
        default_bindings_module: "weir_guest::bindings::algorithm_part",
        additional_derives: [PartialEq],
        generate_all,
        with: { "weir:plugin/types@1.0.0": crate::bindings::about_part::weir::plugin::types },
    });
}
