//! Deliberately bad guests, for tests. Each says what it does in `plugins/faulty/examples`.

static FAULTY: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/faulty.rs"));

/// Every one: its name, which is also its plugin's name, and its component. Each serves one
/// protocol, its name (an impostor: another's).
pub fn all() -> Vec<(&'static str, &'static [u8])> {
    FAULTY.to_vec()
}

/// One as a part of a set: it serves `protocol` alone, its own or one that a shipped plugin serves too.
pub fn part(name: &str, protocol: &str, limits: &crate::Limits) -> Option<crate::Part> {
    let (_, bytes) = all().into_iter().find(|(n, _)| *n == name)?;
    let mut part = crate::Part::bare(&format!("{name}.wasm"), bytes, limits);
    part.settings.protocols = Some(vec![protocol.to_owned()]);
    Some(part)
}
