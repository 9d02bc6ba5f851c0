//! Deliberately bad guests, for tests. Each says what it does in `plugins/faulty/examples`.

static FAULTY: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/faulty.rs"));

/// Every one: its name, which is also its plugin's name, and its component. Each serves one
/// protocol, its name (an impostor: another's).
pub fn all() -> Vec<(&'static str, &'static [u8])> {
    FAULTY.to_vec()
}
