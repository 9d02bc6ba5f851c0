//! Answers with more than anybody can want.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct HugeOutput;

impl Fault for HugeOutput {
    const NAME: &'static str = "huge-output";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.options = vec![(String::new(), String::new()); 300_000];
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<HugeOutput>);
