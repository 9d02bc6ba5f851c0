//! Overlaps that a call brings about, and what Octavia says of the objects it overlaps with.
//!
//! Rows of a create that Octavia has rolled back stay for a while, and the user's second try must not meet them. So an overlap
//! with another load balancer refuses a call only where Octavia knows that one, and an overlap within one load balancer does not
//! where Octavia denies the object that is there already. Octavia is asked only when there is an overlap, and without a lock.

use std::collections::BTreeSet;

use weir_model::{LoadBalancer, LoadBalancerId, ObjectRef, has};
use weir_octavia::Refusal;
use weir_plan::{Overlap, With};

use crate::limits;

/// The overlaps of one call, over several tries to accept it.
#[derive(Default)]
pub struct Admission {
    /// Overlaps with what Octavia denies: they do not refuse the call.
    cleared: BTreeSet<(ObjectRef, With)>,
    questions: Vec<Question>,
}

/// An overlap that refuses a call unless Octavia denies the other side.
pub struct Question {
    object: ObjectRef,
    with: With,
    /// The load balancer to ask Octavia about.
    pub of: LoadBalancerId,
    /// What Octavia must have in it; absent where it is enough that Octavia knows the load balancer.
    pub existing: Option<ObjectRef>,
}

impl Question {
    /// Whether the other side is another load balancer.
    pub fn is_about_another(&self) -> bool {
        matches!(self.with, With::Other(..))
    }
}

impl Admission {
    /// Judges the overlaps of a load balancer's plan.
    ///
    /// # Errors
    /// A [`Refusal`] that names what overlaps; not the last word where there are questions then.
    pub fn judge(
        &mut self,
        lb: LoadBalancerId,
        overlaps: &[Overlap],
        before: Option<&LoadBalancer>,
    ) -> Result<(), Refusal> {
        self.questions.clear();
        let brought: Vec<_> = overlaps
            .iter()
            .filter(|overlap| overlap.refused && is_brought_about(overlap, before))
            .filter(|overlap| !self.cleared.contains(&(overlap.finding.object, overlap.with)))
            .collect();
        let Some(first) = brought.first() else { return Ok(()) };
        // Where Octavia's word cannot help, Octavia is not asked.
        let questions: Option<Vec<_>> = brought.iter().map(|overlap| question(lb, overlap, before)).collect();
        self.questions = questions.unwrap_or_default();
        let mut text = first.finding.detail.clone();
        for overlap in brought.iter().skip(1).take(limits::OVERLAPS_NAMED) {
            text.push_str("; ");
            text.push_str(&overlap.finding.detail);
        }
        Err(Refusal::unsupported(first.finding.code.as_ref(), text))
    }

    /// What to ask Octavia before the refusal is the last word.
    pub fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// Octavia denies the other side of an overlap.
    pub fn clear(&mut self, question: &Question) {
        self.cleared.insert((question.object, question.with));
    }
}

/// Whether one side of an overlap was not there before. Addresses and port numbers of what is there never change.
fn is_brought_about(overlap: &Overlap, before: Option<&LoadBalancer>) -> bool {
    let is_new = |object: ObjectRef| !has(before, object);
    is_new(overlap.finding.object) || matches!(overlap.with, With::Own(object) if is_new(object))
}

fn question(lb: LoadBalancerId, overlap: &Overlap, before: Option<&LoadBalancer>) -> Option<Question> {
    let object = overlap.finding.object;
    let (of, existing) = match overlap.with {
        With::Itself => return None,
        With::Other(other, listener) => (other, listener.map(ObjectRef::Listener)),
        With::Own(with) => (lb, Some([with, object].into_iter().find(|side| has(before, *side))?)),
    };
    Some(Question { object, with: overlap.with, of, existing })
}
