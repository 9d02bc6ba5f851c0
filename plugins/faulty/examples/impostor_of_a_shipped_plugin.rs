//! Answers well, but claims what a shipped plugin serves.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct Impostor;

impl Fault for Impostor {
    const NAME: &'static str = "impostor-of-a-shipped-plugin";
    const PROTOCOL: &'static str = "TCP";

    fn translate(asked: &Asked<'_>) -> Result<Translation, Refusal> {
        Ok(asked.good())
    }
}

weir_guest::export_protocol!(Faulty<Impostor>);
