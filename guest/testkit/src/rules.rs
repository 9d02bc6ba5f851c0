//! What every answer must obey: the rules of `wit/`, as the host checks them, in words that say what to mend.
//!
//! The host refuses an answer that breaks one (`plugin-output`) and leaves what is live as it is.

use weir_guest::{Description, HealthCheck, Refusal};

use crate::question::{Question, Reply};

mod description;
mod distribution;
mod text;
mod translation;

pub(crate) use description::needs_config;

/// A rule that an answer breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What must hold.
    pub rule: &'static str,
    /// In this case.
    pub expected: String,
    /// What was answered.
    pub got: String,
    /// What to do about it.
    pub hint: String,
}

impl Fault {
    pub(crate) fn new(
        rule: &'static str,
        expected: impl Into<String>,
        got: impl Into<String>,
        hint: impl Into<String>,
    ) -> Fault {
        Fault { rule, expected: expected.into(), got: got.into(), hint: hint.into() }
    }
}

/// Every rule that an answer breaks. `of` is what the plugin said of itself.
pub fn check(of: &Description, question: &Question, answer: &Result<Reply, Refusal>) -> Vec<Fault> {
    match (question, answer) {
        (_, Err(refused)) => refusal(refused),
        (Question::Translate(unit), Ok(Reply::Translation(answer))) => translation::check(of, unit, answer),
        (Question::Distribute { context, members, .. }, Ok(Reply::Distribution(answer))) => {
            distribution::check(of, context, members, answer)
        }
        (Question::CheckMembers { members, .. }, Ok(Reply::Members(list))) => refusals(list, members.len()),
        (Question::PlanMonitor { .. }, Ok(Reply::HealthCheck(check))) => health_check(check),
        (Question::Describe, Ok(Reply::Description(description))) => description::check(description),
        _ => vec![],
    }
}

fn health_check(of: &HealthCheck) -> Vec<Fault> {
    let numbers = [
        ("interval_s", of.interval_s),
        ("timeout_s", of.timeout_s),
        ("success", of.success),
        ("failure", of.failure),
    ];
    let zero = numbers.iter().filter(|(_, n)| *n == 0);
    zero.map(|(name, _)| {
        Fault::new(
            "a health check's numbers are above 0",
            format!("{name} of 1 or more"),
            format!("{name} is 0"),
            format!("take {name} from the monitor (delay_s, timeout_s, rise, fall), or refuse the monitor"),
        )
    })
    .collect()
}

fn refusal(of: &Refusal) -> Vec<Fault> {
    let mut faults = vec![];
    if !text::is_kebab(&of.code) {
        faults.push(Fault::new(
            "a refusal's code is kebab-case, at most 64 characters",
            "a code like `unsupported-protocol`",
            format!("{:?}", of.code),
            "programs compare the code: give each reason its own, in lower case with hyphens",
        ));
    }
    if !of.field.is_empty() && !text::is_word(&of.field) {
        faults.push(Fault::new(
            "a refusal's field is `object.attribute` in Octavia's words, or empty",
            "a field like `pool.lb_algorithm`",
            format!("{:?}", of.field),
            "letters, digits, `_`, `-` and `.` only, at most 64",
        ));
    }
    if of.user.trim().is_empty() {
        faults.push(Fault::new(
            "a refusal tells the user why",
            "a sentence in `user`",
            format!("refusal {:?} with no words for the user", of.code),
            "say what was asked, that it cannot be done, and what can; Refusal::unsupported does",
        ));
    }
    for (name, sentence) in [("user", &of.user), ("operator", &of.operator)] {
        if sentence.len() > text::SENTENCE {
            faults.push(text::too_long(name, sentence.len()));
        }
    }
    faults
}

fn refusals(list: &[(u32, Refusal)], members: usize) -> Vec<Fault> {
    let mut faults = vec![];
    let mut seen = vec![false; members];
    for (index, each) in list {
        match seen.get_mut(*index as usize) {
            None => faults.push(no_such_member(*index, members)),
            Some(true) => faults.push(Fault::new(
                "check-members refuses a member at most once",
                format!("one refusal for member {index}"),
                "two",
                "report the first reason of each member",
            )),
            Some(seen) => *seen = true,
        }
        faults.extend(refusal(each));
    }
    faults
}

pub(crate) fn no_such_member(index: u32, members: usize) -> Fault {
    Fault::new(
        "a member is named by its index in the call's list",
        if members == 0 { "no member".to_owned() } else { format!("an index of 0 to {}", members - 1) },
        format!("member {index}"),
        "count the members of this call from 0; indices of another call or list mean nothing",
    )
}
