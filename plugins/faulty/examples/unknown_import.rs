//! Wants a clock.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct UnknownImport;

impl Fault for UnknownImport {
    const NAME: &'static str = "unknown-import";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.empty_reason = Some(clock::faulty::environment::clock::now().to_string());
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<UnknownImport>);

mod clock {
    #![allow(missing_docs, unsafe_code, clippy::all, clippy::restriction, rust_2018_idioms)]

    wit_bindgen::generate!({
        inline: "
            package faulty:environment@1.0.0;
            interface clock {
                now: func() -> u64;
            }
            world wants-a-clock {
                import clock;
            }
        ",
    });
}
