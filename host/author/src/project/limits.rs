//! `[limits]` of a project: the host's, with what the file changes.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use weir_sandbox::Limits;

/// What the file says; none is the host's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectLimits {
    fuel: Option<u64>,
    deadline_ms: Option<u64>,
    #[serde(default, deserialize_with = "size")]
    memory: Option<usize>,
    table_elements: Option<usize>,
    output_items: Option<usize>,
    #[serde(default, deserialize_with = "size")]
    output_bytes: Option<usize>,
    log_lines: Option<usize>,
    #[serde(default, deserialize_with = "size")]
    log_bytes: Option<usize>,
    #[serde(default, deserialize_with = "size")]
    component_bytes: Option<usize>,
}

impl ProjectLimits {
    /// `limits`, with what the file says.
    pub fn over(self, limits: Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(limits.fuel),
            deadline: self.deadline_ms.map_or(limits.deadline, Duration::from_millis),
            memory: self.memory.unwrap_or(limits.memory),
            table_elements: self.table_elements.unwrap_or(limits.table_elements),
            output_items: self.output_items.unwrap_or(limits.output_items),
            output_bytes: self.output_bytes.unwrap_or(limits.output_bytes),
            log_lines: self.log_lines.unwrap_or(limits.log_lines),
            log_bytes: self.log_bytes.unwrap_or(limits.log_bytes),
            component_bytes: self.component_bytes.unwrap_or(limits.component_bytes),
            ..limits
        }
    }
}

/// Bytes as a number, or a text with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(usize),
    Text(String),
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    match Size::deserialize(from) {
        Ok(Size::Bytes(bytes)) => Ok(Some(bytes)),
        Ok(Size::Text(text)) => parse(&text).map(Some).ok_or(text),
        Err(_) => Err("this".to_owned()),
    }
    .map_err(|text| {
        serde::de::Error::custom(format!("{text:?} is no size: a number of bytes, or as in \"64MiB\""))
    })
}

/// Bytes of `64MiB`, `64 MiB`, `512KiB`, `1GiB`, `4096`.
fn parse(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?;
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    digits.trim_end().parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse("64MiB"), Some(64 << 20));
        assert_eq!(parse("1 GiB"), Some(1 << 30));
        assert_eq!(parse("512KiB"), Some(512 << 10));
        assert_eq!(parse("4096"), Some(4096));
        for wrong in ["", "MiB", "64MB", "-1", "99999999999999999999GiB", "18446744073709551615KiB"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
