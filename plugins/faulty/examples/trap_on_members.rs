//! Traps when it is to judge members; translates well.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct TrapOnMembers;

impl Fault for TrapOnMembers {
    const NAME: &'static str = "trap-on-members";
    const BREAKS_ON_MEMBERS: bool = true;

    fn translate(_: &Asked<'_>, good: Translation) -> Result<Translation, Refusal> {
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<TrapOnMembers>);
