//! Claims an address that is not the load balancer's.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct ForeignVip;

impl Fault for ForeignVip {
    const NAME: &'static str = "foreign-vip";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        for entry in &mut good.entries {
            entry.vip += 1;
        }
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<ForeignVip>);
