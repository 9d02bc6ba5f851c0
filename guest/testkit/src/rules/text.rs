//! Words, sentences, options, and what the schema has.

use weir_guest::{Context, Description};

use super::Fault;

/// Longest word, in bytes.
const WORD: usize = 64;
/// Longest sentence, in bytes.
pub(crate) const SENTENCE: usize = 2048;
/// Longest option value, in bytes.
const VALUE: usize = 256;

pub(crate) fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.len() <= WORD && text.chars().all(fits)
}

pub(crate) fn is_kebab(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = |c: char| c != '-';
    !text.is_empty()
        && text.len() <= WORD
        && text.chars().all(fits)
        && text.starts_with(ends)
        && text.ends_with(ends)
}

pub(crate) fn too_long(name: &str, bytes: usize) -> Fault {
    Fault::new(
        "sentences are at most 2048 bytes",
        format!("`{name}` of at most {SENTENCE} bytes"),
        format!("{bytes} bytes"),
        "name the first few, and how many there are",
    )
}

/// Options: each key once and among those that the description names, values short and printable.
pub(crate) fn options(of: &Description, pairs: &[(String, String)]) -> Vec<Fault> {
    let mut faults = vec![];
    let mut seen = std::collections::BTreeSet::new();
    for (key, value) in pairs {
        if !of.options.contains(key) {
            faults.push(Fault::new(
                "only options that the description names are set",
                format!("one of {:?}", of.options),
                format!("option {key:?}"),
                format!("add {key:?} to `options` of the description, so that the operator can grant it, or leave it"),
            ));
        }
        if !seen.insert(key) {
            faults.push(Fault::new(
                "an option is set once",
                format!("one value of {key}"),
                "two",
                "decide on one value",
            ));
        }
        if value.len() > VALUE || !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            faults.push(Fault::new(
                "an option's value is printable ASCII of at most 256 bytes",
                "such a value",
                format!("{key} is {value:?}"),
                "ovn-nb(5) says what the option takes",
            ));
        }
    }
    faults
}

/// One of what the schema has, where the host has said what it has.
pub(crate) fn known(kind: &str, text: &str, ctx: &Context) -> Option<Fault> {
    let said: Vec<_> =
        ctx.capabilities.iter().filter_map(|c| c.strip_prefix(kind)?.strip_prefix(':')).collect();
    let fits = if said.is_empty() { is_word(text) } else { said.contains(&text) };
    (!fits).then(|| {
        Fault::new(
            "an answer needs only what the connected schema has",
            if said.is_empty() { format!("a word as {kind}") } else { format!("a {kind} among {said:?}") },
            format!("{text:?}"),
            format!("look for `{kind}:...` among the context's capabilities before you use one, or refuse"),
        )
    })
}
