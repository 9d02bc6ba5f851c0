//! Keeps all it can get, until there is no more.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct OutOfMemory;

impl Fault for OutOfMemory {
    const NAME: &'static str = "out-of-memory";

    fn translate(asked: &Asked<'_>, _: Translation) -> Result<Translation, Refusal> {
        let mut kept = vec![asked.members.len() as u64];
        loop {
            kept.extend_from_within(..);
            std::hint::black_box(&kept);
        }
    }
}

weir_guest::export_protocol!(Faulty<OutOfMemory>);
