//! Answers well, but claims what a shipped plugin serves.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct Impostor;

impl Fault for Impostor {
    const NAME: &'static str = "impostor-of-a-shipped-plugin";
    const PROTOCOL: &'static str = "TCP";

    fn translate(_: &Asked<'_>, good: Translation) -> Result<Translation, Refusal> {
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<Impostor>);
