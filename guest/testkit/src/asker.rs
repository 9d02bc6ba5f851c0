//! Asks, and notes what breaks a rule.

use weir_guest::{Description, Refusal};

use crate::question::{Question, Reply, answer_to_json};
use crate::rules::{self, Fault};
use crate::{Broken, Finding, Report, Subject};

/// What a question must be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Anything that obeys the rules.
    Any,
    /// A refusal, for this reason.
    Refusal(&'static str),
    /// An answer, for this reason.
    Answer(&'static str),
}

/// One run over one plugin.
pub(crate) struct Asker<'a> {
    pub suite: &'static str,
    pub subject: &'a dyn Subject,
    pub description: Description,
    pub report: Report,
    /// Questions that broke the plugin.
    pub broken: usize,
}

impl<'a> Asker<'a> {
    /// Begins with what the plugin says of itself, and judges that.
    pub fn new(suite: &'static str, subject: &'a dyn Subject) -> Asker<'a> {
        let description = Description::of_protocols("", "", &[]);
        let mut asker = Asker { suite, subject, description, report: Report::default(), broken: 0 };
        if let Some(Ok(Reply::Description(description))) =
            asker.ask("describe", &Question::Describe, Wants::Any)
        {
            asker.description = description;
        }
        asker
    }

    pub fn note(&mut self, case: &str, question: &Question, fault: Fault) {
        self.report.failures.push(Finding {
            suite: self.suite,
            case: case.to_owned(),
            rule: fault.rule.to_owned(),
            expected: fault.expected,
            got: fault.got,
            hint: fault.hint,
            question: question.to_json(case).to_string(),
        });
    }

    /// The answer, judged by itself; none where the plugin broke.
    pub fn ask(&mut self, case: &str, question: &Question, wants: Wants) -> Option<Result<Reply, Refusal>> {
        self.report.ran += 1;
        let answer = match question.ask(self.subject) {
            Ok(answer) => answer,
            Err(broken) => {
                self.broken += 1;
                self.note(case, question, broke(&broken));
                return None;
            }
        };
        for fault in rules::check(&self.description, question, &answer) {
            self.note(case, question, fault);
        }
        match (wants, &answer) {
            (Wants::Refusal(why), Ok(reply)) => {
                let fault = Fault::new(
                    "what a plugin does not serve it refuses",
                    format!("a refusal: {why}"),
                    short(&reply.to_json().to_string()),
                    "compare the word with those of your description, and refuse every other with Refusal::unsupported",
                );
                self.note(case, question, fault);
            }
            (Wants::Answer(why), Err(refusal)) => {
                let fault = Fault::new(
                    "what a plugin says that it serves it does serve",
                    format!("an answer: {why}"),
                    format!("refused ({}): {}", refusal.code, refusal.user),
                    "accept the plain case of every word of your description; if nothing goes without a configuration, \
                     say so by `required` in config_schema and run this with one",
                );
                self.note(case, question, fault);
            }
            _ => {}
        }
        Some(answer)
    }

    /// Asks again, and expects the same.
    pub fn again(&mut self, case: &str, question: &Question, first: &Result<Reply, Refusal>) {
        self.report.ran += 1;
        let second = question.ask(self.subject);
        if second.as_ref() != Ok(first) {
            let got = second.map_or_else(|e| e.to_string(), |a| answer_to_json(&a).to_string());
            let rule = if matches!(question, Question::Describe) {
                "a plugin describes itself the same way every time"
            } else {
                "the same question has the same answer"
            };
            let fault = Fault::new(
                rule,
                short(&answer_to_json(first).to_string()),
                short(&got),
                "keep nothing between calls, and let no order come from a HashMap: sort, or use a BTreeMap",
            );
            self.note(case, question, fault);
        }
    }
}

/// What a sandbox calls an answer that breaks a rule.
const BAD_OUTPUT: &str = "plugin-output";

/// A plugin that did not answer, or not as it must.
pub(crate) fn broke(broken: &Broken) -> Fault {
    let hint = if broken.code == BAD_OUTPUT {
        "a host refuses such an answer and leaves what is live as it is: answer as wit/ says. The same tests run natively \
         (weir_testkit) name the rule, and what to do"
    } else {
        "refuse what cannot be had; a panic, endless loop or unreadable answer leaves the user without reason"
    };
    Fault::new("no question breaks a plugin", "an answer or a refusal", broken.to_string(), hint)
}

/// At most 400 bytes of a text.
pub(crate) fn short(text: &str) -> String {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= 400);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => format!("{start}…"),
        None => text.to_owned(),
    }
}
