//! The checked-in bindings are what the generator makes of `wit/`. `WEIR_BLESS=1` writes them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::{Opts, WithOption};

const HEAD: &str = "// Written by tests/bindings.rs of this crate from wit/. Do not edit: change that, and run it with WEIR_BLESS=1.\n";

/// The world that exports one interface, in Rust.
fn generate(interface: &str, items: &str) -> String {
    let mut resolve = Resolve::default();
    resolve.push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap();
    let text = format!("package weir:guest-{interface}@1.0.0; world {interface}-part {{ {items} }}");
    let package = resolve.push_str(Path::new("part"), &text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let types = "weir:plugin/types@1.0.0".to_owned();
    let at = WithOption::Path("crate::bindings::about_part::weir::plugin::types".to_owned());
    let has_types = interface == "about";
    let options = Opts {
        format: true,
        runtime_path: Some("crate::rt".to_owned()),
        additional_derive_attributes: vec!["PartialEq".to_owned()],
        pub_export_macro: true,
        export_macro_name: Some(format!("export_{interface}_part")),
        default_bindings_module: Some(format!("weir_guest::bindings::{interface}_part")),
        generate_unused_types: has_types,
        generate_all: true,
        with: if has_types { vec![] } else { vec![(types, at)] },
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, source) = files.iter().next().expect("one file");
    format!("{HEAD}{}", std::str::from_utf8(source).unwrap())
}

#[test]
fn bindings_are_up_to_date() {
    for (interface, items) in [
        ("about", "import weir:plugin/log@1.0.0; export weir:plugin/about@1.0.0;"),
        ("protocol", "export weir:plugin/protocol@1.0.0;"),
        ("algorithm", "export weir:plugin/algorithm@1.0.0;"),
    ] {
        let wanted = generate(interface, items);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/bindings/{interface}_part.rs"));
        if std::env::var_os("WEIR_BLESS").is_some() {
            fs::write(&file, &wanted).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is not what wit/ makes; run: WEIR_BLESS=1 cargo test -p weir-guest --test bindings",
            file.display()
        );
    }
}
