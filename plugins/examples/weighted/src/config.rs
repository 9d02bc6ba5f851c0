//! What an operator may say.

use serde::Deserialize;
use weir_guest::{Limits, Refusal};

/// What a configuration looks like, for operators and for the host. The numbers are those of [`Config::read`].
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "max_copies": {
      "description": "How often a member may stand among the backends of a VIP.",
      "type": "integer", "minimum": 1, "maximum": 64, "default": 16
    },
    "max_backends": {
      "description": "How many backends the members of a pool may be in sum. A pool of more members has one of each.",
      "type": "integer", "minimum": 1, "maximum": 65535, "default": 512
    }
  }
}"#;

/// The interface's own limit (`share.copies` in wit/types.wit).
const MOST_COPIES: u16 = 64;

/// The configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
// A key that nobody knows is a mistake to be told, not to be swallowed.
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most copies of a member.
    pub max_copies: u16,
    /// Most copies of all members of a pool.
    pub max_backends: u16,
}

impl Default for Config {
    // Other numbers than the shipped plugin's 64 and 256, or there would be no reason to load this one. 16: proportions up
    // to 1:16 are exact, and rows are a quarter of the size. 512: twice the members before weights are squeezed; a VIP's
    // backends become one group of OpenFlow's, whose message has at most 64 KiB, at about 100 bytes a backend.
    fn default() -> Config {
        Config { max_copies: 16, max_backends: 512 }
    }
}

impl Config {
    /// As the SDK has them.
    pub fn limits(&self) -> Limits {
        Limits { copies: self.max_copies, backends: self.max_backends }
    }

    /// From JSON; an empty text is no configuration, and the defaults.
    pub fn read(text: &str) -> Result<Config, Refusal> {
        if text.is_empty() {
            return Ok(Config::default());
        }
        let config: Config = serde_json::from_str(text)
            .map_err(|e| Refusal::new("invalid-config", "config", format!("the configuration: {e}")))?;
        if !(1..=MOST_COPIES).contains(&config.max_copies) {
            return Err(Refusal::new(
                "invalid-config",
                "config.max_copies",
                format!("max_copies is {}; choose 1 to {MOST_COPIES}", config.max_copies),
            ));
        }
        if config.max_backends == 0 {
            let user = "max_backends is 0; choose 1 to 65535";
            return Err(Refusal::new("invalid-config", "config.max_backends", user));
        }
        Ok(config)
    }
}
