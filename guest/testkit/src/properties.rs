//! Properties: random questions, and what must hold whatever is asked.

use weir_guest::Description;

use crate::asker::{Asker, Wants, broke};
use crate::generate::Chooser;
use crate::question::Question;
use crate::rules::{self, Fault};
use crate::{Finding, Report, Subject, relations};

/// Failures after which a run ends: more say nothing new.
const ENOUGH: usize = 10;

/// Asks `questions` random questions, the same ones for the same `seed`, under the configuration `config`
/// (JSON, or empty): no answer breaks a rule, a disabled member changes nothing, nor does the order of members.
/// What fails is made smaller before it is reported: members are left out as long as it still fails.
pub fn properties(subject: &dyn Subject, seed: u64, questions: usize, config: &str) -> Report {
    let mut asker = Asker::new("properties", subject);
    let mut chooser = Chooser::new(seed);
    for number in 0..questions {
        if asker.report.failures.len() >= ENOUGH {
            break;
        }
        let question = chooser.question(&asker.description, config);
        let name = format!("question {number} of seed {seed}");
        let before = asker.report.failures.len();
        let answer = asker.ask(&name, &question, Wants::Any);
        if let Some(answer) = answer
            && asker.report.failures.len() == before
        {
            for fault in related(subject, &question, &answer) {
                asker.note(&name, &question, fault);
            }
        }
        if let Some(failure) = asker.report.failures.get(before).cloned() {
            asker.report.failures.truncate(before);
            let smallest = smaller(subject, &asker.description, question, &failure.rule);
            let fault = faults(subject, &asker.description, &smallest)
                .into_iter()
                .find(|fault| fault.rule == failure.rule);
            match fault {
                Some(fault) => asker.note(&name, &smallest, fault),
                None => asker.report.failures.push(failure),
            }
        }
    }
    asker.report
}

/// Asks `questions` random questions of two plugins, the same ones for the same `seed`. Where they answer
/// differently stands in [`Report::differences`]: at most 20, one a kind of call and field.
pub fn comparison(
    subject: &dyn Subject,
    shipped: &dyn Subject,
    seed: u64,
    questions: usize,
    config: &str,
) -> Report {
    let mut report = Report::default();
    let Ok(description) = subject.describe() else { return report };
    let mut chooser = Chooser::new(seed);
    for number in 0..questions {
        let question = chooser.question(&description, config);
        report.ran += 1;
        let Some((field, theirs, ours)) = relations::difference(&question, subject, shipped) else {
            continue;
        };
        let rule = format!("{}: {field} as the shipped plugin answers", question.call());
        if report.differences.len() < 20 && report.differences.iter().all(|d| d.rule != rule) {
            let case = format!("question {number} of seed {seed}");
            report.differences.push(Finding {
                suite: "comparison",
                question: question.to_json(&case).to_string(),
                case,
                rule,
                expected: theirs,
                got: ours,
                hint: String::new(),
            });
        }
    }
    report
}

fn related(
    subject: &dyn Subject,
    question: &Question,
    answer: &Result<crate::Reply, weir_guest::Refusal>,
) -> Vec<Fault> {
    let order = relations::order(subject, question, answer);
    order.into_iter().chain(relations::without_disabled(subject, question, answer)).collect()
}

/// Every rule that the answer to a question breaks.
fn faults(subject: &dyn Subject, of: &Description, question: &Question) -> Vec<Fault> {
    match question.ask(subject) {
        Ok(answer) => {
            let mut faults = rules::check(of, question, &answer);
            faults.extend(related(subject, question, &answer));
            faults
        }
        Err(broken) => vec![broke(&broken)],
    }
}

/// The question with as few members as break the rule.
fn smaller(subject: &dyn Subject, of: &Description, mut question: Question, rule: &str) -> Question {
    let mut at = 0;
    while at < question.members().len() {
        match relations::without(&question, at) {
            Some(less) if faults(subject, of, &less).iter().any(|f| f.rule == rule) => question = less,
            _ => at += 1,
        }
    }
    question
}
