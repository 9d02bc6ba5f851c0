//! Does not come up: computes for ever before the first call.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct SlowStart;

impl Fault for SlowStart {
    const NAME: &'static str = "slow-start";

    fn translate(_: &Asked<'_>, good: Translation) -> Result<Translation, Refusal> {
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<SlowStart>);

/// Run when the component is instantiated.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    let mut n = 1u64;
    loop {
        n = std::hint::black_box(n.wrapping_mul(31));
    }
}
