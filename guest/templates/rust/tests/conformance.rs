//! `cargo test`: the same checks as `weir plugin test`, on the functions themselves, and the golden cases of `cases/`.

use my_plugin::MyPlugin;

weir_testkit::protocol_tests!(MyPlugin, "cases");
