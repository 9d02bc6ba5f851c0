//! Refusals.

use super::{Bad, text};
use crate::Refusal;

/// Whether a refusal can be shown to a user.
pub(crate) fn refusal(refusal: &Refusal) -> Result<(), Bad> {
    text::word("a refusal's code", &refusal.code)?;
    if !refusal.field.is_empty() {
        text::word("a refusal's field", &refusal.field)?;
    }
    if refusal.user.trim().is_empty() {
        return Err(format!("refusal {} has no words for the user", refusal.code));
    }
    text::sentence("a refusal", &refusal.user)?;
    text::sentence("a refusal", &refusal.operator)
}

/// Refusals of members, by index: in range, none twice.
pub(crate) fn refusals(list: &[(u32, Refusal)], members: usize) -> Result<(), Bad> {
    let mut seen = vec![false; members];
    for (index, each) in list {
        match seen.get_mut(*index as usize) {
            None => return Err(format!("member {index} is refused, but there are {members}")),
            Some(true) => return Err(format!("member {index} is refused twice")),
            Some(seen) => *seen = true,
        }
        refusal(each)?;
    }
    Ok(())
}
