//! Drops all members and gives no reason.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct SilentEmpty;

impl Fault for SilentEmpty {
    const NAME: &'static str = "silent-empty";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.entries.clear();
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<SilentEmpty>);
