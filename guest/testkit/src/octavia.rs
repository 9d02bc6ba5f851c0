//! What a Northbound of OVN 25.03 can hold and which words Octavia has: data, in `data/octavia.json`, since no
//! source outside `plugins/` names a protocol or an algorithm.

use std::sync::OnceLock;

use crate::json::{self, Value};

/// The words.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Facts of the schema, as the host gives them.
    pub capabilities: Vec<String>,
    /// A protocol to ask an algorithm plugin with.
    pub protocol: String,
    /// An algorithm to ask a protocol plugin with.
    pub algorithm: String,
    /// All of Octavia's protocols.
    pub protocols: Vec<String>,
    /// All of Octavia's algorithms.
    pub algorithms: Vec<String>,
    /// All of Octavia's kinds of session persistence.
    pub persistences: Vec<String>,
    /// All of Octavia's kinds of monitor.
    pub monitors: Vec<String>,
    /// Attributes that users set, and one that nobody knows.
    pub extras: Vec<(String, String)>,
}

/// A word that is none.
pub(crate) const UNKNOWN: &str = "NO_SUCH_WORD";

pub(crate) fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        // A test reads it, so that it cannot be wrong here.
        let data = json::parse(include_str!("../data/octavia.json")).unwrap_or(Value::Null);
        let list = |key: &str| texts(data.get(key));
        let one = |key: &str| texts(data.get(key)).into_iter().next().unwrap_or_default();
        let extras = match data.get("extras") {
            Some(Value::List(list)) => list.iter().map(|pair| texts(Some(pair))).collect(),
            _ => vec![],
        };
        Words {
            capabilities: list("capabilities"),
            protocol: one("protocol"),
            algorithm: one("algorithm"),
            protocols: list("protocols"),
            algorithms: list("algorithms"),
            persistences: list("persistences"),
            monitors: list("monitors"),
            extras: extras
                .into_iter()
                .filter_map(|pair| <[String; 2]>::try_from(pair).ok().map(|[k, v]| (k, v)))
                .collect(),
        }
    })
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Text(text)) => vec![text.clone()],
        Some(Value::List(list)) => list.iter().flat_map(|v| texts(Some(v))).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read() {
        let words = words();
        assert!(words.capabilities.len() > 9 && words.capabilities.is_sorted());
        assert!(words.protocols.contains(&words.protocol) && words.algorithms.contains(&words.algorithm));
        assert!(words.persistences.len() > 2 && words.monitors.len() > 5 && words.extras.len() > 5);
    }
}
