//! Answers with more items than allowed, in few bytes.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct ManyItems;

impl Fault for ManyItems {
    const NAME: &'static str = "many-items";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.options = (0..10_000).map(|n| (format!("o{n}"), String::new())).collect();
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<ManyItems>);
