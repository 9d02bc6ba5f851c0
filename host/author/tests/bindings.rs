//! The C template's bindings are generated from `wit/`, and checked in so that authors need no generator.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use wit_bindgen_core::{Files, wit_parser::Resolve};

/// Set it to write the files anew after a change of `wit/`.
const WRITE: &str = "WEIR_WRITE_BINDINGS";

#[test]
fn the_bindings_of_the_c_template_are_those_of_the_interface() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("protocol-plugin")).unwrap();
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let folder = root.join("guest/templates/c/bindings");
    let mut names = vec![];
    for (name, bytes) in files.iter() {
        let path = folder.join(name);
        if std::env::var_os(WRITE).is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{} is not what wit/ gives: run this test with {WRITE}=1", path.display());
        names.push(name.to_owned());
    }
    assert_eq!(names, ["protocol_plugin.c", "protocol_plugin.h"]);
}
