//! How the answers to two related questions must relate.

use weir_guest::{Member, Refusal, Share};

use crate::Subject;
use crate::asker::short;
use crate::question::{Question, Reply, Unit, answer_to_json};
use crate::rules::Fault;
use crate::subject::UNSERVED;

type Answered = Result<Reply, Refusal>;

/// The members in the opposite order: the same kinds of members serve, as often.
pub(crate) fn order(subject: &dyn Subject, question: &Question, answer: &Answered) -> Option<Fault> {
    if question.members().len() < 2 {
        return None;
    }
    let last = question.members().len() - 1;
    let turned = with_members(question, |index| last - index, (0..=last).rev().collect())?;
    let other = turned.ask(subject).ok()?;
    let (first, second) = (who(question, answer)?, who(&turned, &other)?);
    (first != second).then(|| {
        Fault::new(
            "the order of members does not decide who serves",
            short(&format!("{first:?}")),
            short(&format!("with the members in the opposite order {second:?}")),
            "choose by what members are (weight, backup, health), not by where they stand",
        )
    })
}

/// Without a disabled member: everything else stays as it is.
pub(crate) fn without_disabled(
    subject: &dyn Subject,
    question: &Question,
    answer: &Answered,
) -> Option<Fault> {
    let members = question.members();
    let gone = members.iter().position(|m| !m.enabled)?;
    let kept: Vec<_> = (0..members.len()).filter(|index| *index != gone).collect();
    // Nothing can be told apart where it was the only one: the reason for being empty changes.
    let less = with_members(question, |index| if index > gone { index - 1 } else { index }, kept)?;
    let other = less.ask(subject).ok()?;
    let (first, second) = (who(question, answer)?, who(&less, &other)?);
    (first != second).then(|| {
        Fault::new(
            "a disabled member changes nothing for the others",
            short(&format!("{second:?}, as without member {gone}")),
            short(&format!("{first:?}")),
            "leave disabled members out before anything is counted or divided",
        )
    })
}

/// The question without one of its members.
pub(crate) fn without(question: &Question, gone: usize) -> Option<Question> {
    let kept = (0..question.members().len()).filter(|index| *index != gone).collect();
    with_members(question, |index| if index > gone { index - 1 } else { index }, kept)
}

/// The same question with the members at `kept`, in that order; `at` says where an index that is kept goes.
fn with_members(question: &Question, at: impl Fn(usize) -> usize, kept: Vec<usize>) -> Option<Question> {
    let pick = |members: &[Member]| -> Vec<Member> {
        kept.iter().filter_map(|index| members.get(*index).cloned()).collect()
    };
    match question {
        Question::Translate(unit) => {
            let moved = |share: &Share| {
                let index = share.member as usize;
                let member = u32::try_from(at(index)).ok()?;
                kept.contains(&index).then_some(Share { member, copies: share.copies })
            };
            let mut shares: Vec<_> = unit.shares.iter().filter_map(moved).collect();
            shares.sort_by_key(|s| s.member);
            Some(Question::Translate(Unit { members: pick(&unit.members), shares, ..unit.clone() }))
        }
        Question::Distribute { context, pool, members } => Some(Question::Distribute {
            context: context.clone(),
            pool: pool.clone(),
            members: pick(members),
        }),
        Question::CheckMembers { context, pool, members } => Some(Question::CheckMembers {
            context: context.clone(),
            pool: pool.clone(),
            members: pick(members),
        }),
        _ => None,
    }
}

/// Who serves, by what they are: sorted, so that neither order nor index is left. None for other calls.
fn who(question: &Question, answer: &Answered) -> Option<Vec<String>> {
    let members = question.members();
    let what = |index: u32| match members.get(index as usize) {
        Some(m) => format!(
            "{:?}{} weight {}{} {:?}",
            m.family,
            if m.enabled { "" } else { " disabled" },
            m.weight,
            if m.backup { " backup" } else { "" },
            m.health
        ),
        None => "nobody".to_owned(),
    };
    let mut list: Vec<String> = match answer {
        Err(refusal) => vec![format!("refused: {}", refusal.code)],
        Ok(Reply::Translation(translation)) => translation
            .entries
            .iter()
            .flat_map(|e| {
                e.backends.iter().map(move |b| (e, b)).map(|(e, b)| {
                    format!("VIP {} port {}: {} port {} x{}", e.vip, e.port, what(b.member), b.port, b.copies)
                })
            })
            .chain(translation.options.iter().map(|o| format!("option {o:?}")))
            .chain([translation.transport.clone()])
            .collect(),
        Ok(Reply::Distribution(distribution)) => distribution
            .shares
            .iter()
            .map(|s| format!("{} x{}", what(s.member), s.copies))
            .chain(distribution.options.iter().map(|o| format!("option {o:?}")))
            .chain(distribution.selection_fields.iter().map(|f| format!("field {f}")))
            .collect(),
        Ok(Reply::Members(list)) => {
            let refused = |(index, r): &(u32, Refusal)| (what(*index), r.code.clone());
            // A disabled member may be refused or not; it does not serve.
            let enabled = |index: u32| members.get(index as usize).is_some_and(|m| m.enabled);
            let mut list: Vec<_> = list.iter().filter(|(index, _)| enabled(*index)).map(refused).collect();
            list.sort();
            list.into_iter().map(|(what, code)| format!("refused {what}: {code}")).collect()
        }
        Ok(_) => return None,
    };
    list.sort();
    Some(list)
}

/// Asks two plugins the same and says where they differ: (field, the other's, the plugin's).
pub(crate) fn difference(
    question: &Question,
    subject: &dyn Subject,
    other: &dyn Subject,
) -> Option<(String, String, String)> {
    let (ours, theirs) = (question.ask(subject), question.ask(other));
    if ours == theirs {
        return None;
    }
    // What the other does not serve at all it cannot be compared in.
    if theirs.as_ref().is_err_and(|broken| broken.code == UNSERVED) {
        return None;
    }
    let json = |answer: &crate::Answer<Reply>| match answer {
        Ok(answer) => answer_to_json(answer),
        Err(broken) => crate::json::object([("broken", broken.to_string().as_str().into())]),
    };
    let (ours, theirs) = (json(&ours), json(&theirs));
    // The first field that differs, where both answered in kind.
    if let (crate::json::Value::Object(a), crate::json::Value::Object(b)) = (&ours, &theirs)
        && a.len() == b.len()
        && a.iter().zip(b).all(|((k, _), (l, _))| k == l)
    {
        let mut pairs = a.iter().zip(b);
        if let Some(((key, a), (_, b))) = pairs.find(|((_, a), (_, b))| a != b) {
            return Some((key.clone(), short(&b.to_string()), short(&a.to_string())));
        }
    }
    Some(("answer".to_owned(), short(&theirs.to_string()), short(&ours.to_string())))
}
