//! `plugins.toml`: what an operator says of the plugins in a folder.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::{PRIORITY, SUSPEND_AFTER};
use crate::{Limits, OnFailure, Settings};

/// The manifest's file name.
pub const MANIFEST: &str = "plugins.toml";

/// Most memory that a plugin's call may be given: what the pool of instances is made for.
pub(crate) const MEMORY_MAX: usize = 512 << 20;
/// The same for table elements.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 200_000;
/// A call is answered in the end, whatever the manifest says.
const DEADLINE_MAX: Duration = Duration::from_secs(30);

/// A manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Manifest {
    /// Only signed components are loaded.
    pub require_signed: bool,
    /// Whose signatures count, unless the host's own configuration names keys.
    pub trusted_keys: Vec<String>,
    /// The plugins.
    pub plugin: Vec<Entry>,
}

/// `[[plugin]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub name: String,
    pub file: String,
    pub sha256: Option<String>,
    #[serde(default)]
    pub serves: Serves,
    pub priority: Option<i32>,
    pub config: Option<toml::Value>,
    #[serde(default)]
    pub limits: LimitsEntry,
    pub options: Option<Vec<String>>,
    #[serde(default)]
    pub on_failure: OnFailure,
    pub suspend_after: Option<u32>,
}

/// `serves`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Serves {
    pub protocols: Option<Vec<String>>,
    pub algorithms: Option<Vec<String>>,
}

/// `limits`: what is absent is as for every plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsEntry {
    pub fuel: Option<u64>,
    pub deadline_ms: Option<u64>,
    pub memory: Option<Size>,
    pub table_elements: Option<usize>,
    pub output_items: Option<usize>,
    pub output_bytes: Option<Size>,
    pub log_lines: Option<usize>,
    pub log_bytes: Option<Size>,
    pub component_bytes: Option<Size>,
}

/// Bytes: a number, or a text such as `64MiB`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Size {
    Bytes(usize),
    Text(String),
}

impl Manifest {
    /// Reads a manifest's text.
    ///
    /// # Errors
    /// What is wrong and where, in words.
    pub fn parse(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

impl Entry {
    /// The entry as settings; `defaults` stand where it is silent.
    ///
    /// # Errors
    /// What is wrong, naming key and value.
    pub fn settings(&self, defaults: &Limits) -> Result<Settings, String> {
        let config = match &self.config {
            None => String::new(),
            Some(value) => config(value).map_err(|why| format!("config: {why}"))?,
        };
        Ok(Settings {
            name: Some(self.name.clone()),
            protocols: self.serves.protocols.clone(),
            algorithms: self.serves.algorithms.clone(),
            priority: self.priority.unwrap_or(PRIORITY),
            config,
            limits: self.limits.over(defaults)?,
            options: self.options.clone(),
            on_failure: self.on_failure,
            suspend_after: self.suspend_after.unwrap_or(SUSPEND_AFTER),
        })
    }

    /// The component's path.
    ///
    /// # Errors
    /// The file is not in the folder.
    pub fn path(&self, dir: &Path) -> Result<std::path::PathBuf, String> {
        let plain = Path::new(&self.file).file_name().is_some_and(|name| name == self.file.as_str());
        if plain {
            Ok(dir.join(&self.file))
        } else {
            Err(format!("file = {:?} must be a name in this folder", self.file))
        }
    }
}

impl LimitsEntry {
    /// These limits, `defaults` where they are silent.
    fn over(&self, defaults: &Limits) -> Result<Limits, String> {
        let within = |key: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(value)
            } else {
                Err(format!("limits.{key} = {value} must be 1 to {most}"))
            }
        };
        let size = |key: &str, size: &Option<Size>, default: usize, most: usize| match size {
            None => Ok(default),
            Some(size) => within(key, size.bytes().map_err(|why| format!("limits.{key} = {why}"))?, most),
        };
        let deadline = match self.deadline_ms.map(Duration::from_millis) {
            Some(deadline) if deadline.is_zero() || deadline > DEADLINE_MAX => {
                let (value, most) = (deadline.as_millis(), DEADLINE_MAX.as_millis());
                return Err(format!("limits.deadline_ms = {value} must be 1 to {most}"));
            }
            deadline => deadline.unwrap_or(defaults.deadline),
        };
        let any = usize::MAX;
        let number = |key: &str, value: Option<usize>, default: usize, most: usize| {
            value.map_or(Ok(default), |value| within(key, value, most))
        };
        Ok(Limits {
            fuel: self.fuel.unwrap_or(defaults.fuel),
            deadline,
            memory: size("memory", &self.memory, defaults.memory, MEMORY_MAX)?,
            table_elements: number(
                "table_elements",
                self.table_elements,
                defaults.table_elements,
                TABLE_ELEMENTS_MAX,
            )?,
            output_items: number("output_items", self.output_items, defaults.output_items, any)?,
            output_bytes: size("output_bytes", &self.output_bytes, defaults.output_bytes, any)?,
            log_lines: number("log_lines", self.log_lines, defaults.log_lines, any)?,
            log_bytes: size("log_bytes", &self.log_bytes, defaults.log_bytes, any)?,
            component_bytes: size("component_bytes", &self.component_bytes, defaults.component_bytes, any)?,
            concurrent_calls: defaults.concurrent_calls,
        })
    }
}

impl Size {
    fn bytes(&self) -> Result<usize, String> {
        let text = match self {
            Size::Bytes(bytes) => return Ok(*bytes),
            Size::Text(text) => text,
        };
        let wrong = || format!("{text:?} is no size such as 65536, \"64KiB\", \"16MiB\" or \"1GiB\"");
        let (digits, shift) = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
            .into_iter()
            .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim(), shift)))
            .ok_or_else(wrong)?;
        let number: usize = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).ok_or_else(wrong)
    }
}

/// A configuration as JSON, with keys in order.
fn config(value: &toml::Value) -> Result<String, String> {
    if !value.is_table() {
        return Err("must be a table".into());
    }
    serde_json::to_value(value).map(|json| json.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Settings, String> {
        let manifest = Manifest::parse(text)?;
        manifest.plugin.first().unwrap().settings(&Limits::default())
    }

    const SHORT: &str = "[[plugin]]\nname = \"a\"\nfile = \"a.wasm\"\n";

    #[test]
    fn what_is_absent_is_as_for_a_bare_file() {
        let bare = Settings::with_limits(Limits::default());
        assert_eq!(one(SHORT).unwrap(), Settings { name: Some("a".into()), ..bare });
    }

    #[test]
    fn everything_can_be_said() {
        let text = r#"
            require_signed = true
            trusted_keys = ["x"]
            [[plugin]]
            name = "a"
            file = "b.wasm"
            sha256 = "00"
            serves = { protocols = ["P"], algorithms = [] }
            priority = -3
            options = ["o"]
            on_failure = "keep-last"
            suspend_after = 0
            [plugin.config]
            ports = [80, 443]
            deep = { a = true }
            [plugin.limits]
            fuel = 1
            deadline_ms = 2
            memory = "64MiB"
            output_bytes = 4096
        "#;
        let settings = one(text).unwrap();
        assert_eq!(settings.config, r#"{"deep":{"a":true},"ports":[80,443]}"#);
        assert_eq!(
            (settings.priority, settings.on_failure, settings.suspend_after),
            (-3, OnFailure::KeepLast, 0)
        );
        assert_eq!(settings.protocols.as_deref(), Some(&["P".to_owned()][..]));
        assert_eq!(settings.algorithms.as_deref(), Some(&[][..]));
        let Limits { fuel, deadline, memory, output_bytes, log_lines, .. } = settings.limits;
        assert_eq!((fuel, deadline, memory, output_bytes), (1, Duration::from_millis(2), 64 << 20, 4096));
        assert_eq!(log_lines, Limits::default().log_lines);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (more, words) in [
            ("colour = 1", &["unknown field", "colour"][..]),
            ("[plugin.limits]\nfule = 1", &["unknown field", "fule"]),
            ("[plugin.serves]\nprotocol = []", &["unknown field", "protocol"]),
            ("on_failure = \"explode\"", &["explode", "refuse", "built-in", "keep-last"]),
            ("priority = \"high\"", &["priority", "string"]),
            ("config = 5", &["config", "table"]),
            ("[plugin.limits]\nmemory = \"64 MB\"", &["limits.memory", "64 MB"]),
            ("[plugin.limits]\nmemory = \"1024GiB\"", &["limits.memory", "536870912"]),
            ("[plugin.limits]\nmemory = 0", &["limits.memory = 0"]),
            ("[plugin.limits]\ndeadline_ms = 60000", &["limits.deadline_ms = 60000"]),
        ] {
            let error = one(&format!("{SHORT}{more}\n")).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{more}: {error}");
            }
        }
        assert!(Manifest::parse("[[plugin]]\nname = \"a\"").unwrap_err().contains("file"));
    }

    #[test]
    fn a_file_is_a_name_in_the_folder() {
        let manifest = Manifest::parse(&SHORT.replace("a.wasm", "../a.wasm")).unwrap();
        let error = manifest.plugin.first().unwrap().path(Path::new("/x")).unwrap_err();
        assert!(error.contains("../a.wasm"), "{error}");
    }
}
