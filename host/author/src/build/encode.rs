//! From a core module to a component, in process: no tool has to be installed for it.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::AuthorError;
use crate::project::Kind;

/// A component of a module that says itself what it imports and exports (Rust's bindings put it there).
///
/// # Errors
/// [`AuthorError::Component`].
pub fn component(path: &Path, module: &[u8]) -> Result<Vec<u8>, AuthorError> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|e| wrong(path, &format!("it does not make a component: {e:#}")))
}

/// A component of a module that implements a world of the WIT in `wit`.
///
/// # Errors
/// [`AuthorError::Component`].
pub fn component_of(
    path: &Path,
    mut module: Vec<u8>,
    wit: &Path,
    kind: Kind,
) -> Result<Vec<u8>, AuthorError> {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(wit)
        .and_then(|(package, _)| resolve.select_world(&[package], Some(kind.world())))
        .and_then(|world| embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false))
        .map_err(|e| wrong(wit, &format!("{e:#}")))?;
    component(path, &module)
}

fn wrong(path: &Path, message: &str) -> AuthorError {
    AuthorError::Component { path: path.to_owned(), message: message.into() }
}
