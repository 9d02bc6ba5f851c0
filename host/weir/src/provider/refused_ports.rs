//! Requests for single ports that Neutron refuses: each refusal is logged once, and the other ports are still processed.

use std::collections::{BTreeMap, btree_map::Entry};

use parking_lot::Mutex;
use tracing::{debug, warn};
use uuid::Uuid;
use weir_neutron::NeutronError;

/// The current refusals, by the port, load balancer or subnet that the request was for.
#[derive(Default)]
pub struct RefusedPorts(Mutex<BTreeMap<Uuid, String>>);

impl RefusedPorts {
    /// Records the result of a request for one object. Gives the value, or `None` where Neutron refused the request.
    ///
    /// # Errors
    /// [`NeutronError`] of an outage: requests for other objects would fail too.
    pub(super) fn record<T>(
        &self,
        object: Uuid,
        result: Result<T, NeutronError>,
    ) -> Result<Option<T>, NeutronError> {
        match result {
            Ok(value) => {
                self.0.lock().remove(&object);
                Ok(Some(value))
            }
            Err(error) if error.is_outage() => Err(error),
            Err(error) => {
                self.warn_once(object, &error);
                Ok(None)
            }
        }
    }

    fn warn_once(&self, object: Uuid, error: &NeutronError) {
        let why = error.to_string();
        match self.0.lock().entry(object) {
            Entry::Occupied(known) if *known.get() == why => {
                debug!(%object, why, "Neutron still refuses a request for a port");
            }
            entry => {
                warn!(%object, code = error.code(), why, "Neutron refused a request for a port, will retry");
                entry.insert_entry(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Result<(), NeutronError> {
        let (method, url) = ("PUT".to_owned(), "/ports".to_owned());
        Err(NeutronError::Refused { method, url, status: 400, message: message.to_owned() })
    }

    #[test]
    fn refusal_is_kept_until_its_request_succeeds() {
        let ports = RefusedPorts::default();
        assert_eq!(ports.record(Uuid::nil(), refused("no")), Ok(None));
        assert_eq!(ports.record(Uuid::nil(), refused("not that either")), Ok(None));
        assert_eq!(ports.0.lock().len(), 1);
        assert_eq!(ports.record(Uuid::nil(), Ok(7)), Ok(Some(7)));
        assert!(ports.0.lock().is_empty());
    }

    #[test]
    fn outage_is_an_error_and_no_refusal() {
        let ports = RefusedPorts::default();
        let url = "/ports".to_owned();
        let away = NeutronError::Unreachable { url: url.clone(), reason: "refused".to_owned() };
        assert_eq!(ports.record(Uuid::nil(), Err::<(), _>(away.clone())), Err(away));
        let unauthorized =
            |status| NeutronError::Unauthorized { url: url.clone(), status, message: String::new() };
        assert!(ports.record(Uuid::nil(), Err::<(), _>(unauthorized(401))).is_err());
        assert!(ports.0.lock().is_empty());
        assert_eq!(ports.record(Uuid::nil(), Err::<(), _>(unauthorized(403))), Ok(None), "one port's policy");
    }
}
