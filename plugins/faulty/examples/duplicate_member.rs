//! Names a member twice behind one VIP.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct DuplicateMember;

impl Fault for DuplicateMember {
    const NAME: &'static str = "duplicate-member";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        for entry in &mut good.entries {
            entry.backends.extend_from_within(..1);
        }
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<DuplicateMember>);
