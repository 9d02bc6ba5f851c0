//! Answers with more entries than allowed, in few bytes.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct ManyItems;

impl Fault for ManyItems {
    const NAME: &'static str = "many-items";

    fn translate(asked: &Asked<'_>) -> Result<Translation, Refusal> {
        let mut good = asked.good();
        if let Some(entry) = good.entries.first().cloned() {
            good.entries = (1..=1_000).map(|port| weir_guest::Entry { port, ..entry.clone() }).collect();
        }
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<ManyItems>);
