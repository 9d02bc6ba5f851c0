//! Sets an option that its description does not name.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct UngrantedOption;

impl Fault for UngrantedOption {
    const NAME: &'static str = "ungranted-option";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        good.options = vec![("skip_snat".into(), "true".into())];
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<UngrantedOption>);
