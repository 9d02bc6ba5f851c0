//! The reference in `wit/README.md` is whole and right: every item of `wit/*.wit` stands in it with its type, and every
//! key of an `extra` that the host hands over.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

/// What is declared, in the words of the files.
#[derive(Debug, Default)]
struct Items {
    interfaces: Vec<String>,
    worlds: Vec<String>,
    types: Vec<String>,
    /// `name: func(...) -> ...`, on one line.
    functions: Vec<String>,
    /// Name, cases.
    enums: Vec<(String, Vec<String>)>,
    /// Name, fields with their types.
    records: Vec<(String, Vec<(String, String)>)>,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads as much of WIT as the package uses; fails on what it does not know.
fn items(text: &str, into: &mut Items) {
    let code: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = one_line(&code.join(" "));
    let mut rest = code.as_str();
    while let Some((head, after)) = rest.split_once([';', '{', '}']) {
        let (body, behind) = after.split_once('}').unwrap_or((after, ""));
        let list =
            || body.split(", ").map(|each| each.trim().trim_end_matches(',')).filter(|e| !e.is_empty());
        let head = head.trim();
        let (word, name) = head.split_once(' ').unwrap_or((head, ""));
        rest = match word {
            "" | "package" => after,
            "interface" => {
                into.interfaces.push(name.to_owned());
                after
            }
            "type" => {
                into.types.push(name.to_owned());
                after
            }
            _ if head.contains(": func") => {
                into.functions.push(head.to_owned());
                after
            }
            "use" => behind,
            "world" => {
                into.worlds.push(name.to_owned());
                behind
            }
            "enum" => {
                into.enums.push((name.to_owned(), list().map(str::to_owned).collect()));
                behind
            }
            "record" => {
                let field = |each: &str| {
                    let (name, of) = each.split_once(": ").unwrap();
                    (name.to_owned(), of.to_owned())
                };
                into.records.push((name.to_owned(), list().map(field).collect()));
                behind
            }
            _ => panic!("this test cannot read {head:?}"),
        };
    }
}

fn package() -> Items {
    let mut all = Items::default();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "wit") {
            items(&fs::read_to_string(path).unwrap(), &mut all);
        }
    }
    all
}

/// A type as the reference writes it: `list<entry>` is "list of `entry`".
fn in_words(of: &str) -> String {
    for outer in ["list", "option"] {
        if let Some(inner) = of.strip_prefix(outer).and_then(|rest| rest.strip_prefix('<')) {
            return format!("{outer} of {}", in_words(inner.trim_end_matches('>')));
        }
    }
    let plain = ["bool", "u16", "u32", "string"];
    if plain.contains(&of) { of.to_owned() } else { format!("`{of}`") }
}

/// The rows of the first table after a line that begins with `start`: first cell without backticks, second cell.
fn table(text: &str, start: &str) -> Vec<(String, String)> {
    let lines = text.lines().skip_while(|line| !line.starts_with(start));
    let rows = lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.trim().to_owned());
        (cells.next().unwrap().replace('`', ""), cells.next().unwrap())
    };
    // A heading and a line of dashes stand above.
    rows.skip(2).map(cells).collect()
}

/// What the reference lacks or has too much.
fn wrong(of: &Items, text: &str) -> Vec<String> {
    let flat = one_line(text);
    let mut wrong = Vec::new();
    let mut needs = |what: String| {
        if !flat.contains(&what) {
            wrong.push(format!("missing: {what}"));
        }
    };
    of.interfaces.iter().for_each(|name| needs(format!("## Interface `{name}`")));
    of.worlds.iter().for_each(|name| needs(format!("| `{name}` |")));
    of.functions.iter().for_each(|signature| needs(format!("`{signature}`")));
    for each in &of.types {
        let (name, of) = each.split_once(" = ").unwrap();
        needs(format!("`{name}` = `{of}`"));
    }
    for (name, cases) in &of.enums {
        let lower = text.to_lowercase();
        let line = lower.lines().find(|line| line.contains(&format!("enum `{name}`"))).unwrap_or_default();
        for case in cases.iter().filter(|case| !line.contains(&format!("`{case}`"))) {
            wrong.push(format!("missing: case {case} of enum {name}"));
        }
    }
    for (name, fields) in &of.records {
        let rows = table(text, &format!("Record `{name}`"));
        // Fields of the same type may share a row.
        let rows: Vec<_> = rows
            .iter()
            .flat_map(|(names, of)| names.split(", ").map(|name| (name.to_owned(), of.clone())))
            .collect();
        let wanted: Vec<_> = fields.iter().map(|(name, of)| (name.clone(), in_words(of))).collect();
        if rows != wanted {
            wrong.push(format!("record {name}: the table has {rows:?}, the file {wanted:?}"));
        }
    }
    wrong
}

#[test]
fn the_reference_names_every_item_with_its_type() {
    let items = package();
    assert!(items.records.len() > 10 && items.functions.len() > 5 && items.enums.len() > 2, "{items:?}");
    assert_eq!(wrong(&items, &read("wit/README.md")), [""; 0]);
}

#[test]
fn what_is_missing_is_found() {
    let (items, text) = (package(), read("wit/README.md"));
    for (words, instead) in [
        ("## Interface `log`", "## Log"),
        ("| `algorithm-plugin` |", "| |"),
        ("`plan-monitor: func", "`plan: func"),
        ("`offline`", ""),
        ("| `copies` | u16 |", "| `copies` | u32 |"),
        ("| `floating` |", "| `floats` |"),
    ] {
        assert!(text.contains(words), "{words}");
        assert!(!wrong(&items, &text.replace(words, instead)).is_empty(), "{words}");
    }
}

#[test]
fn the_reference_names_every_key_of_an_extra() {
    let (kinds, text) = (read("host/octavia/src/body/kinds.rs"), read("wit/README.md"));
    let keys: Vec<_> =
        kinds.lines().filter_map(|line| line.trim().strip_prefix("extra(\"")?.split('"').next()).collect();
    assert!(keys.len() > 20, "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !text.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
