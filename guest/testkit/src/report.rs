//! What was found.

use std::fmt;

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Questions asked, or cases run.
    pub ran: usize,
    /// What must be mended.
    pub failures: Vec<Finding>,
    /// Where the plugin answers other than the shipped one. For information.
    pub differences: Vec<Finding>,
}

/// One thing found: which rule a plugin's answer breaks, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `conformance`, `cases`, `properties` or `comparison`.
    pub suite: &'static str,
    /// The question, in few words, or the case's file and name.
    pub case: String,
    /// What must hold.
    pub rule: String,
    /// What was expected; of a difference, what the shipped plugin answers.
    pub expected: String,
    /// What the plugin did.
    pub got: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// The question as a case, to be saved in the folder of cases; empty for a case that stands there already.
    pub question: String,
}

/// Longest question that is printed, in bytes.
const QUESTION: usize = 2000;

/// Most cases that are named beside the one that is shown.
const MORE: usize = 4;

impl Report {
    /// Whether nothing failed.
    pub fn ok(&self) -> bool {
        self.failures.is_empty()
    }

    /// Takes in what another run found.
    pub fn add(&mut self, other: Report) {
        self.ran += other.ran;
        self.failures.extend(other.failures);
        self.differences.extend(other.differences);
    }

    /// Fails the test that calls it if anything failed, with all findings.
    ///
    /// # Panics
    /// If anything failed.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.ok(), "\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One of a rule is enough to read; the others are named.
        for (index, finding) in self.failures.iter().enumerate() {
            let same = |other: &&Finding| other.suite == finding.suite && other.rule == finding.rule;
            if self.failures.iter().take(index).any(|other| same(&other)) {
                continue;
            }
            writeln!(f, "FAILED  {finding}")?;
            let mut others: Vec<_> =
                self.failures.iter().skip(index + 1).filter(same).map(|o| o.case.as_str()).collect();
            others.dedup();
            if !others.is_empty() {
                let more = others.len().saturating_sub(MORE);
                write!(f, "  and in   {}", others.iter().take(MORE).copied().collect::<Vec<_>>().join("; "))?;
                writeln!(f, "{}", if more > 0 { format!("; and {more} more") } else { String::new() })?;
            }
        }
        for finding in &self.differences {
            writeln!(f, "DIFFERS {finding}")?;
        }
        write!(f, "{} asked, {} failed", self.ran, self.failures.len())?;
        if !self.differences.is_empty() {
            write!(f, ", {} differ from the shipped plugin", self.differences.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  rule     {}", self.suite, self.case, self.rule)?;
        let (expected, got) =
            if self.suite == "comparison" { ("shipped", "plugin") } else { ("expected", "got") };
        let parts =
            [(expected, &self.expected), (got, &self.got), ("fix", &self.hint), ("ask", &self.question)];
        for (name, text) in parts {
            if !text.is_empty() && (name != "ask" || text.len() <= QUESTION) {
                write!(f, "\n  {name:8} {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(suite: &'static str, case: &str, rule: &str) -> Finding {
        let text = |text: &str| text.to_owned();
        Finding {
            suite,
            case: text(case),
            rule: text(rule),
            expected: text("1"),
            got: text("2"),
            hint: text("count again"),
            question: text("{}"),
        }
    }

    #[test]
    fn a_report_shows_one_finding_of_a_rule_and_names_the_others() {
        let failures =
            ["a", "b", "c", "d", "e", "f", "g"].map(|case| finding("conformance", case, "sums are right"));
        let report = Report {
            ran: 9,
            failures: failures.to_vec(),
            differences: vec![finding("comparison", "x", "the same")],
        };
        let wanted = "FAILED  conformance: a\n  rule     sums are right\n  expected 1\n  got      2\n  fix      count again\n  \
                      ask      {}\n  and in   b; c; d; e; and 2 more\n\
                      DIFFERS comparison: x\n  rule     the same\n  shipped  1\n  plugin   2\n  fix      count again\n  \
                      ask      {}\n9 asked, 7 failed, 1 differ from the shipped plugin";
        assert_eq!(report.to_string(), wanted);
    }
}
