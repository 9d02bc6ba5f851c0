//! Chance that a seed decides.

use super::*;

/// Numbers that follow from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.throw(of.len())]
    }

    pub fn some_rows(&mut self, kind: u8) -> BTreeSet<Uuid> {
        (0..4).filter(|_| self.throw(2) == 0).map(|n| row(kind, n)).collect()
    }

    pub fn map(&mut self, choices: &[(&'static str, &[&str])]) -> BTreeMap<&'static str, String> {
        let mut map = BTreeMap::new();
        for (key, values) in choices {
            if self.throw(3) > 0 {
                map.insert(*key, self.one(values).to_owned());
            }
        }
        map
    }
}
