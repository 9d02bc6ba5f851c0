//! Cases: questions with the answer that is expected, in JSON files (`README.md` has the format).

use std::fs;
use std::path::{Path, PathBuf};

use weir_guest::{Description, Refusal};

use crate::asker::{Asker, Wants, short};
use crate::json::{self, Value};
use crate::question::{Question, Reply, answer_to_json};
use crate::{Finding, Report, Subject};

mod expect;
mod fields;
mod read;

use fields::Fields;

/// Keys of a case.
const KEYS: &[&str] =
    &["name", "call", "context", "listener", "pool", "members", "shares", "monitor", "config", "expect"];

/// A case that was read.
struct Case {
    question: Question,
    expect: Value,
}

/// Runs every case of the `*.json` files in `folder` and its sub-folders, in the order of their names. What cannot
/// be read is a failure, too; so is a folder without cases. Answers are judged by the rules besides.
pub fn cases(subject: &dyn Subject, folder: &Path) -> Report {
    let mut asker = Asker::new("cases", subject);
    asker.report.ran = 0;
    let mut files = vec![];
    if let Err(error) = find(folder, &mut files) {
        asker.report.failures.push(unreadable(&folder.display().to_string(), error.to_string()));
        return asker.report;
    }
    for file in &files {
        let name = file.strip_prefix(folder).unwrap_or(file).display().to_string();
        let list = match fs::read_to_string(file) {
            Ok(text) => json::parse(&text).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let list = match list {
            Ok(Value::List(list)) => list,
            Ok(one) => vec![one],
            Err(message) => {
                asker.report.failures.push(unreadable(&name, message));
                continue;
            }
        };
        for (index, value) in (1..).zip(&list) {
            one(&mut asker, &name, index, value);
        }
    }
    if asker.report.ran == 0 && asker.report.ok() {
        let message = "no cases: write some into *.json files, as the testkit's README says".to_owned();
        asker.report.failures.push(unreadable(&folder.display().to_string(), message));
    }
    asker.report
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut paths = vec![];
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn unreadable(case: &str, message: String) -> Finding {
    Finding {
        suite: "cases",
        case: case.to_owned(),
        rule: "a case can be read".to_owned(),
        expected: String::new(),
        got: message,
        hint: String::new(),
        question: String::new(),
    }
}

fn one(asker: &mut Asker<'_>, file: &str, index: usize, value: &Value) {
    let said = match value.get("name") {
        Some(Value::Text(name)) => format!("{file}: {name}"),
        _ => format!("{file}: case {index}"),
    };
    let case = match decode(value, &asker.description) {
        Ok(case) => case,
        Err(message) => return asker.report.failures.push(unreadable(&said, message)),
    };
    let before = asker.report.failures.len();
    let Some(answer) = asker.ask(&said, &case.question, Wants::Any) else { return };
    judge(asker, &said, &case, &answer);
    // They stand in the folder already.
    asker.report.failures.iter_mut().skip(before).for_each(|f| f.question.clear());
}

fn judge(asker: &mut Asker<'_>, said: &str, case: &Case, answer: &Result<Reply, Refusal>) {
    let got = answer_to_json(answer);
    for difference in expect::differences(case.question.call(), &case.expect, &got) {
        asker.report.failures.push(Finding {
            suite: "cases",
            case: said.to_owned(),
            rule: format!("{} as expected", difference.field),
            expected: difference.expected,
            got: difference.got,
            hint: format!("the whole answer is {}", short(&got.to_string())),
            question: String::new(),
        });
    }
}

fn decode(value: &Value, of: &Description) -> Result<Case, String> {
    let case = Fields::of("", value, KEYS)?;
    case.text("name")?.ok_or("name is missing: a case has one, so that it can be found")?;
    let call = case.text("call")?.ok_or("call is missing: the function that is asked")?;
    let question = read::question(&case, call, of)?;
    let expect = case.get("expect").ok_or("expect is missing: the answer, or {\"refused\": {...}}")?;
    expect::check(call, expect)?;
    Ok(Case { question, expect: expect.clone() })
}

#[cfg(test)]
mod tests;
