//! Names a transport that the schema does not have.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct WrongTransport;

impl Fault for WrongTransport {
    const NAME: &'static str = "wrong-transport";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.transport = "carrier-pigeon".into();
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<WrongTransport>);
