//! From bytes to a component that may be called.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use crate::engine::Shared;
use crate::state::State;
use crate::{Error, Sandbox};

/// What a plugin may import, versions aside: the log, and the types that its own exports use.
const IMPORTS: &[&str] = &["weir:plugin/log", "weir:plugin/types"];

/// The interface's package.
const PACKAGE: &str = "weir:plugin";
/// The version of it that this host speaks.
const SPEAKS: &str = "1.0.0";

/// SHA-256 in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Compiles a component, or takes it from the cache, and links it with the log and nothing else.
pub(crate) fn link(
    sandbox: &Sandbox,
    plugin: &str,
    bytes: &[u8],
    most: usize,
) -> Result<InstancePre<State>, Error> {
    let shared = &*sandbox.0;
    let component = component(shared, plugin, bytes, most)?;
    let ty = component.component_type();
    let exports = ty.exports(&shared.engine).map(|(name, _)| name.to_owned());
    for interface in ty.imports(&shared.engine).map(|(name, _)| name.to_owned()).chain(exports) {
        speaks(plugin, &interface)?;
    }
    for (import, _) in ty.imports(&shared.engine) {
        let name = import.split('@').next().unwrap_or(import);
        if !IMPORTS.contains(&name) {
            return Err(Error::Import { plugin: plugin.into(), import: import.into() });
        }
    }
    shared
        .linker
        .instantiate_pre(&component)
        .map_err(|e| Error::Interface { plugin: plugin.into(), message: format!("{e:#}") })
}

/// Whether an import or export is of a version that this host speaks: within a major version everything fits.
fn speaks(plugin: &str, interface: &str) -> Result<(), Error> {
    let Some((name, version)) = interface.split_once('@') else { return Ok(()) };
    let ours = name.split('/').next() == Some(PACKAGE);
    if !ours || version.split('.').next() == SPEAKS.split('.').next() {
        return Ok(());
    }
    let (plugin, interface) = (plugin.to_owned(), interface.to_owned());
    Err(Error::Version { plugin, interface, package: PACKAGE, speaks: SPEAKS })
}

fn component(shared: &Shared, plugin: &str, bytes: &[u8], most: usize) -> Result<Component, Error> {
    let invalid = |message: String| Error::Compile { plugin: plugin.into(), message };
    if bytes.len() > most {
        return Err(invalid(format!("{} bytes are more than the {most} allowed", bytes.len())));
    }
    // Both kinds begin with "\0asm"; then 16 bits of version and 16 bits of layer, 0 core and 1 component.
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => {}
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => {
            return Err(invalid(
                "a core module, not a component; build it with `weir plugin build`, which makes a component of it".into(),
            ));
        }
        _ => return Err(invalid("not WebAssembly".into())),
    }
    let digest = digest(bytes);
    if let Some(component) = shared.cache.as_ref().and_then(|c| c.get(&shared.engine, &digest)) {
        tracing::debug!(plugin, digest, "compiled plugin taken from the cache");
        return Ok(component);
    }
    tracing::debug!(plugin, digest, "compiling plugin");
    let component = Component::from_binary(&shared.engine, bytes).map_err(|e| invalid(format!("{e:#}")))?;
    if let Some(cache) = &shared.cache {
        cache.put(&digest, &component);
    }
    Ok(component)
}
