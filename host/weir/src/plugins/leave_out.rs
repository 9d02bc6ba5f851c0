//! Questions asked again without an option that OVN cannot honour, where the operator wants such options accepted.

use std::borrow::Cow;

use weir_model::{Listener, ObjectRef, Pool};
use weir_plan::Unit;
use weir_sandbox as wit;

use super::ask::Questions;

impl Questions<'_> {
    /// Leaves out of a question what a plugin has refused in `field`; false where that has to stay in it.
    pub(super) fn leave_out(
        &self,
        unit: &Unit<'_>,
        field: &str,
        listener: Option<&mut wit::Listener>,
        members: &mut Cow<'_, [wit::Member]>,
    ) -> bool {
        if !self.subject.policy.warns(field) {
            return false;
        }
        if let Some(option) = field.strip_prefix("listener.") {
            let taken = listener.is_some_and(|listener| take(&mut listener.extra, option));
            if let Some(listener) = unit.listener.filter(|_| taken) {
                self.note(listener, option);
            }
            return taken;
        }
        let Some(option) = field.strip_prefix("member.") else { return false };
        if !members.iter().any(|member| has(&member.extra, option)) {
            return false;
        }
        for member in members.to_mut() {
            take(&mut member.extra, option);
        }
        true
    }

    /// The same of one member, also where it has had the option before.
    pub(super) fn leave_out_of_member(
        &self,
        pool: &Pool,
        index: usize,
        field: &str,
        members: &mut Cow<'_, [wit::Member]>,
    ) -> bool {
        let subject = &self.subject;
        let Some(option) = field.strip_prefix("member.").filter(|_| subject.policy.of(field).is_some())
        else {
            return false;
        };
        let had = || {
            let (id, member) = pool.members.iter().nth(index)?;
            let before = subject.before?.pools.get(&pool.id)?.members.get(id)?;
            Some(before.extra.get(option)? == member.extra.get(option)?)
        };
        let accepted = subject.policy.warns(field) || had() == Some(true);
        let has = accepted && members.get(index).is_some_and(|member| has(&member.extra, option));
        if !has {
            return false;
        }
        members.to_mut().get_mut(index).is_some_and(|member| take(&mut member.extra, option))
    }

    /// Options of a listener that a shipped plugin has accepted only because they were there before.
    pub(super) fn note_inherited(&self, listener: &Listener) {
        for option in listener.extra.keys() {
            if self.subject.policy.of(&format!("listener.{option}")).is_some() {
                self.note(listener, option);
            }
        }
    }

    fn note(&self, listener: &Listener, option: &str) {
        let object = ObjectRef::Listener(listener.id);
        self.without_effect.borrow_mut().insert((object, option.to_owned()));
    }
}

fn has(extra: &[(String, String)], option: &str) -> bool {
    extra.iter().any(|(key, _)| key == option)
}

fn take(extra: &mut Vec<(String, String)>, option: &str) -> bool {
    let before = extra.len();
    extra.retain(|(key, _)| key != option);
    extra.len() < before
}
