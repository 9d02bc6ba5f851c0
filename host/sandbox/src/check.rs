//! Whether an answer can be used. A plugin chooses; nothing that it says is believed.

mod answer;
mod refusal;
mod schema;
mod text;

pub(crate) use answer::{Asked, distribution, health_check, translation};
pub(crate) use refusal::{refusal, refusals};
pub(crate) use schema::schema;
pub(crate) use text::description;

/// Why an answer cannot be used.
pub(crate) type Bad = String;

/// Counts the items of an answer against what is allowed.
struct Items(usize);

impl Items {
    fn take(&mut self, count: usize) -> Result<(), Bad> {
        match self.0.checked_sub(count) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err("the answer has more items than allowed".into()),
        }
    }
}

#[cfg(test)]
mod tests;
