//! Answers well, but never stops talking.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct LogFlood;

impl Fault for LogFlood {
    const NAME: &'static str = "log-flood";

    fn translate(_: &Asked<'_>, good: Translation) -> Result<Translation, Refusal> {
        for n in 0..1_000 {
            weir_guest::log::info(&format!("line {n} of very many"));
        }
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<LogFlood>);
