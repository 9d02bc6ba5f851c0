//! Refuses without saying why.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct EmptyRefusal;

impl Fault for EmptyRefusal {
    const NAME: &'static str = "empty-refusal";

    fn translate(asked: &Asked<'_>, _: Translation) -> Result<Translation, Refusal> {
        Err(Refusal::new("no-reason", "", if asked.members.is_empty() { "" } else { " " }))
    }
}

weir_guest::export_protocol!(Faulty<EmptyRefusal>);
