//! JSON as Python's `json.dumps` writes it: a space after `:` and `,`. The reference driver's values look so, and equal
//! rows should be equal to the letter.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Serialises a value; one that JSON cannot say gives the empty text, which no caller here can produce.
pub(crate) fn to_string<T: Serialize>(value: &T) -> String {
    let mut out = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn spaces_as_python() {
        let map = BTreeMap::from([("a", 1), ("b", 2)]);
        assert_eq!(super::to_string(&map), r#"{"a": 1, "b": 2}"#);
        assert_eq!(super::to_string(&vec!["x", "y"]), r#"["x", "y"]"#);
    }
}
