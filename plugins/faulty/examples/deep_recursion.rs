//! Calls itself until there is no stack left.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct DeepRecursion;

impl Fault for DeepRecursion {
    const NAME: &'static str = "deep-recursion";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        fn down(n: u64) -> u64 {
            if std::hint::black_box(n) == 0 { 0 } else { down(std::hint::black_box(n + 1)) ^ n }
        }
        good.empty_reason = Some(down(1).to_string());
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<DeepRecursion>);
