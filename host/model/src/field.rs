//! A field of a partial object: octavia-lib tells "not given" (`Unset`) from "cleared" (`None`).

use serde::{Deserialize, Serialize};

/// One field of a call's object.
///
/// octavia-lib's `Unset` means "leave as it is" in an update and "use the default" in a create; `null` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field<T> {
    /// The key was missing.
    #[default]
    Unset,
    /// The key was `null`.
    Null,
    /// The key had a value.
    Value(T),
}

impl<T> Field<T> {
    /// The value if there is one; `Unset` and `null` are both `None`.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Null => None,
        }
    }

    /// Writes the field over an optional value: unset leaves it, `null` clears it. Says whether it changed.
    pub fn write_to(&self, target: &mut Option<T>) -> bool
    where
        T: Clone + PartialEq,
    {
        let wanted = match self {
            Self::Unset => return false,
            Self::Null => None,
            Self::Value(value) => Some(value.clone()),
        };
        let changed = *target != wanted;
        *target = wanted;
        changed
    }

    /// Writes the field over a value that has a default: `null` means that default. Says whether it changed.
    pub fn write_or(&self, target: &mut T, default: T) -> bool
    where
        T: Clone + PartialEq,
    {
        let wanted = match self {
            Self::Unset => return false,
            Self::Null => default,
            Self::Value(value) => value.clone(),
        };
        let changed = *target != wanted;
        *target = wanted;
        changed
    }

    /// Maps the value, if any.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Unset => Field::Unset,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(f(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn unset_leaves_null_clears_value_sets() {
        let mut target = Some(1);
        assert!(!Field::Unset.write_to(&mut target));
        assert_eq!(target, Some(1));
        assert!(Field::Value(2).write_to(&mut target));
        assert!(!Field::Value(2).write_to(&mut target));
        assert!(Field::Null.write_to(&mut target));
        assert_eq!(target, None);
    }

    #[test]
    fn null_of_a_defaulted_field_is_its_default() {
        let mut weight = 5;
        assert!(!Field::Unset.write_or(&mut weight, 1));
        assert!(Field::Null.write_or(&mut weight, 1));
        assert_eq!(weight, 1);
    }
}
