//! Distributions.

use weir_guest::{Context, Description, Distribution, Member};

use super::{Fault, no_such_member, text};

pub(crate) fn check(
    of: &Description,
    ctx: &Context,
    members: &[Member],
    answer: &Distribution,
) -> Vec<Fault> {
    let mut faults = text::options(of, &answer.options);
    let mut fields = std::collections::BTreeSet::new();
    for field in &answer.selection_fields {
        faults.extend(text::known("selection-field", field, ctx));
        if !fields.insert(field) {
            faults.push(Fault::new(
                "a selection field stands once",
                format!("{field} once"),
                "twice",
                "the fields are a set",
            ));
        }
    }
    let mut seen = vec![false; members.len()];
    let mut last = None;
    for share in &answer.shares {
        let index = share.member;
        match seen.get_mut(index as usize) {
            None => faults.push(no_such_member(index, members.len())),
            Some(true) => faults.push(Fault::new(
                "a member has one share",
                format!("one share of member {index}"),
                "two",
                "a bigger share is more copies",
            )),
            Some(seen) => *seen = true,
        }
        if !(1..=64).contains(&share.copies) {
            faults.push(copies(index, share.copies));
        }
        if let Some(member) = members.get(index as usize)
            && (!member.enabled || member.weight == 0)
        {
            let why = if member.enabled { "has weight 0" } else { "is disabled" };
            faults.push(Fault::new(
                "a disabled member, or one of weight 0, has no share",
                format!("no share for member {index}, which {why}"),
                format!("{} copies", share.copies),
                "go through weir_guest::usable(members)",
            ));
        }
        if last.is_some_and(|before| before > index) {
            faults.push(Fault::new(
                "shares stand in the members' order",
                format!("member {index} before member {}", last.unwrap_or_default()),
                "after it",
                "sort the shares by member",
            ));
        }
        last = Some(index);
    }
    faults
}

pub(super) fn copies(index: u32, copies: u16) -> Fault {
    Fault::new(
        "copies are 1 to 64",
        format!("1 to 64 copies of member {index}"),
        format!("{copies}"),
        if copies == 0 {
            "leave out a member that gets nothing"
        } else {
            "scale the copies down; shares_by_weight does"
        },
    )
}
