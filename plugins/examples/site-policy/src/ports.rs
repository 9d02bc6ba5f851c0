//! Ports: one, or a range.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// From the first to the last, both of them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// Whether a port is among them.
    pub fn contain(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// From `80` or `"80"` or `"8000-8999"`; none where that is no port.
    fn read(value: &Value) -> Option<Ports> {
        let port = |port: u16| (port != 0).then_some(port);
        let number = |text: &str| text.trim().parse().ok().and_then(port);
        let (first, last) = match value {
            Value::Number(n) => {
                let one = n.as_u64().and_then(|n| u16::try_from(n).ok()).and_then(port)?;
                (one, one)
            }
            Value::String(text) => match text.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(text)?, number(text)?),
            },
            _ => return None,
        };
        (first <= last).then_some(Ports { first, last })
    }
}

impl<'de> Deserialize<'de> for Ports {
    // By hand: what serde derives for "a number or a text" says of a mistake only that nothing matched.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Ports, D::Error> {
        let value = Value::deserialize(from)?;
        Ports::read(&value).ok_or_else(|| {
            D::Error::custom(format!("{value} is no port: 1 to 65535, or a range like \"8000-8999\""))
        })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
