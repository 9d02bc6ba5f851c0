//! Names members that there are not.

use weir_guest::{Refusal, Translation};
use weir_plugin_faulty::{Asked, Fault, Faulty};

struct NonsenseIndices;

impl Fault for NonsenseIndices {
    const NAME: &'static str = "nonsense-indices";

    fn translate(_: &Asked<'_>, mut good: Translation) -> Result<Translation, Refusal> {
        for backend in good.entries.iter_mut().flat_map(|e| &mut e.backends) {
            backend.member = 4_000_000_000;
        }
        Ok(good)
    }
}

weir_guest::export_protocol!(Faulty<NonsenseIndices>);
