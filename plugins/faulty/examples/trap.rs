//! Panics.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct Trap;

impl Fault for Trap {
    const NAME: &'static str = "trap";

    fn translate(asked: &Asked<'_>, _: Translation) -> Result<Translation, Refusal> {
        #[allow(clippy::panic)]
        {
            panic!("cannot go on with {} members", asked.members.len())
        }
    }
}

weir_guest::export_protocol!(Faulty<Trap>);
