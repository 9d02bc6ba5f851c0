//! Computes for ever.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct EndlessLoop;

impl Fault for EndlessLoop {
    const NAME: &'static str = "endless-loop";

    fn translate(asked: &Asked<'_>, _: Translation) -> Result<Translation, Refusal> {
        let mut n = asked.members.len() as u64;
        loop {
            n = std::hint::black_box(n.wrapping_mul(31));
        }
    }
}

weir_guest::export_protocol!(Faulty<EndlessLoop>);
