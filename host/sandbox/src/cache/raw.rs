//! The one unsafe call of this crate.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads what [`Component::serialize`] gave. Refuses another version's or other settings' output.
pub(super) fn load(engine: &Engine, bytes: &[u8]) -> Result<Component, String> {
    // SAFETY: the bytes must be output of `serialize`, unchanged. The caller has them from a file in a folder that
    // only we can write to, itself ours alone, whose digest fits; we write nothing else there.
    #[allow(unsafe_code)]
    let loaded = unsafe { Component::deserialize(engine, bytes) };
    loaded.map_err(|e| format!("{e:#}"))
}
