use std::collections::BTreeMap;

/// The locks that were asked for, and whether this connection holds them.
#[derive(Debug, Default)]
pub(super) struct Locks(BTreeMap<String, bool>);

impl Locks {
    /// True when it was not wanted before.
    pub(super) fn want(&mut self, name: &str) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.to_owned(), false);
        true
    }

    /// True when it was wanted.
    pub(super) fn give_up(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// True when this is news.
    pub(super) fn told(&mut self, name: &str, held: bool) -> bool {
        self.0.get_mut(name).is_some_and(|known| std::mem::replace(known, held) != held)
    }

    pub(super) fn wanted(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// All are lost with the connection; those that were held.
    pub(super) fn lost_all(&mut self) -> impl Iterator<Item = String> + use<'_> {
        self.0.iter_mut().filter_map(|(name, held)| std::mem::take(held).then(|| name.clone()))
    }
}
