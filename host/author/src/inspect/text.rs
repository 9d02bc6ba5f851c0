//! An inspection as text.

use std::fmt::{self, Display, Formatter};

use super::{Described, Inspection, Interface};

impl Display for Inspection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        row(f, "file", self.file.display())?;
        row(f, "kind", self.kind)?;
        row(f, "size", format_args!("{} bytes", self.bytes))?;
        row(f, "sha256", &self.sha256)?;
        let signature =
            self.signature.as_ref().map_or_else(|| "none".to_owned(), |s| s.display().to_string());
        row(f, "signature", signature)?;
        interfaces(f, "imports", &self.imports)?;
        interfaces(f, "exports", &self.exports)?;
        if let Some(described) = &self.description {
            description(f, described)?;
        }
        let needs = &self.needs;
        if self.kind == "component" {
            let (memory, tables) = (needs.memory, needs.table_elements);
            row(
                f,
                "begins with",
                format_args!(
                    "{:.1} MiB of memory, {tables} table elements, {} core instances",
                    memory as f64 / f64::from(1 << 20),
                    needs.core_instances
                ),
            )?;
        }
        if let Some(load) = self.load_ms {
            row(f, "loaded in", format_args!("{load} ms, nothing cached"))?;
        }
        if let Some(call) = self.call {
            row(f, "empty call", format_args!("{} fuel, {} us", call.fuel, call.us))?;
        }
        let producers: Vec<_> =
            self.producers.iter().map(|(name, version)| format!("{name} {version}")).collect();
        list(f, "made with", &producers)?;
        list(f, "needs limits", &self.limits)?;
        list(f, "problems", &self.problems)
    }
}

fn description(f: &mut Formatter<'_>, of: &Described) -> fmt::Result {
    let words = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    row(f, "name", format_args!("{} {}", of.name, of.version))?;
    row(f, "protocols", words(&of.protocols))?;
    row(f, "algorithms", words(&of.algorithms))?;
    row(f, "fallback", if of.fallback { "yes" } else { "no" })?;
    row(f, "options", words(&of.options))?;
    match &of.config_schema {
        None => row(f, "config", "none"),
        Some(schema) => {
            // A value always serialises.
            let text = serde_json::to_string_pretty(schema).unwrap_or_default();
            list(f, "config", &text.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
        }
    }
}

fn interfaces(f: &mut Formatter<'_>, what: &str, all: &[Interface]) -> fmt::Result {
    let line = |i: &Interface| match &i.version {
        Some(version) => format!("{}@{version}  {}", i.name, i.note),
        None => format!("{}  {}", i.name, i.note).trim_end().to_owned(),
    };
    if all.is_empty() {
        row(f, what, "none")
    } else {
        list(f, what, &all.iter().map(line).collect::<Vec<_>>())
    }
}

/// Lines under one word; nothing where there are none.
fn list(f: &mut Formatter<'_>, what: &str, lines: &[String]) -> fmt::Result {
    let mut what = what;
    for line in lines {
        row(f, what, line)?;
        what = "";
    }
    Ok(())
}

fn row(f: &mut Formatter<'_>, what: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{what:<14}{value}")
}
