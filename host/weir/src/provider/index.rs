//! What the last plan of each load balancer has asked the network, and what rows it leads to.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use weir_model::LoadBalancerId;
use weir_plan::{Fingerprint, Lookup, Lookups, Topology, recording::Key};

/// The index. Whoever writes to it holds the replica that the plan was made on, so that a change comes after it.
#[derive(Default)]
pub struct Index(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    asked: HashMap<Key, HashMap<Arc<Lookup>, Asked>>,
    known: HashMap<LoadBalancerId, Known>,
    /// Load balancers that were known before everything was forgotten, and have not been planned since.
    former: BTreeSet<LoadBalancerId>,
}

/// A question, its last answer, and whose plans depend on it.
struct Asked {
    answer: Fingerprint,
    by: BTreeSet<LoadBalancerId>,
}

struct Known {
    lookups: Vec<Arc<Lookup>>,
    rows: Fingerprint,
}

impl Index {
    /// Notes a plan: what it has asked, and the fingerprint of the rows that it leads to. Gives the load balancers whose plans
    /// were made on another answer.
    pub fn note(&self, lb: LoadBalancerId, lookups: Lookups, rows: Fingerprint) -> BTreeSet<LoadBalancerId> {
        let mut inner = self.0.lock();
        let before = inner.known.remove(&lb).map(|known| known.lookups).unwrap_or_default();
        let mut others = BTreeSet::new();
        let mut noted = Vec::with_capacity(lookups.len());
        for (lookup, answer) in lookups {
            let of_key = inner.asked.entry(lookup.key()).or_default();
            let known = of_key.get_key_value(&lookup).map(|(known, _)| known.clone());
            let lookup = known.unwrap_or_else(|| Arc::new(lookup));
            let asked = of_key.entry(lookup.clone()).or_insert_with(|| Asked { answer, by: BTreeSet::new() });
            if asked.answer != answer {
                asked.answer = answer;
                others.extend(asked.by.iter().filter(|other| **other != lb));
            }
            asked.by.insert(lb);
            noted.push(lookup);
        }
        let gone: Vec<_> = before.into_iter().filter(|old| noted.binary_search(old).is_err()).collect();
        inner.known.insert(lb, Known { lookups: noted, rows });
        inner.former.remove(&lb);
        inner.no_longer_asks(lb, &gone);
        others
    }

    /// Load balancers that there were before this host started.
    pub fn remember(&self, lbs: &[LoadBalancerId]) {
        let mut inner = self.0.lock();
        let unknown = lbs.iter().filter(|lb| !inner.known.contains_key(*lb)).copied();
        let unknown: Vec<_> = unknown.collect();
        inner.former.extend(unknown);
    }

    /// The fingerprint of the rows that the last plan leads to.
    pub fn rows(&self, lb: LoadBalancerId) -> Option<Fingerprint> {
        self.0.lock().known.get(&lb).map(|known| known.rows)
    }

    /// Whether a load balancer has been planned.
    pub fn knows(&self, lb: LoadBalancerId) -> bool {
        self.0.lock().known.contains_key(&lb)
    }

    /// Whether it has been planned, or had been before everything was forgotten.
    pub fn knew(&self, lb: LoadBalancerId) -> bool {
        let inner = self.0.lock();
        inner.known.contains_key(&lb) || inner.former.contains(&lb)
    }

    /// Every load balancer that has been planned, or had been before everything was forgotten.
    pub fn all(&self) -> Vec<LoadBalancerId> {
        let inner = self.0.lock();
        inner.known.keys().chain(&inner.former).copied().collect()
    }

    /// The load balancers whose plans depend on a question with one of these keys that has another answer now.
    pub fn changed(&self, keys: &BTreeSet<Key>, topology: &dyn Topology) -> BTreeSet<LoadBalancerId> {
        let mut inner = self.0.lock();
        let mut found = BTreeSet::new();
        for key in keys {
            for (lookup, asked) in inner.asked.get_mut(key).into_iter().flatten() {
                let answer = lookup.answer(topology);
                if answer != asked.answer {
                    asked.answer = answer;
                    found.extend(&asked.by);
                }
            }
        }
        found
    }

    /// Forgets a load balancer that is gone.
    pub fn forget(&self, lb: LoadBalancerId) {
        let mut inner = self.0.lock();
        inner.former.remove(&lb);
        if let Some(known) = inner.known.remove(&lb) {
            inner.no_longer_asks(lb, &known.lookups);
        }
    }

    /// Forgets everything but which load balancers there were: their rows may go while nobody looks.
    pub fn clear(&self) {
        let mut inner = self.0.lock();
        let mut former = std::mem::take(&mut inner.former);
        former.extend(inner.known.keys());
        *inner = Inner { former, ..Inner::default() };
    }
}

impl Inner {
    fn no_longer_asks(&mut self, lb: LoadBalancerId, lookups: &[Arc<Lookup>]) {
        for lookup in lookups {
            let key = lookup.key();
            let Some(of_key) = self.asked.get_mut(&key) else { continue };
            if let Some(asked) = of_key.get_mut(lookup) {
                asked.by.remove(&lb);
                if asked.by.is_empty() {
                    of_key.remove(lookup);
                }
            }
            if of_key.is_empty() {
                self.asked.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::IpAddr};

    use ipnet::IpNet;
    use weir_model::{PortId, SubnetId};
    use weir_plan::{
        ExistingAcl, FloatingIp, Port, Recording, RouterPort, RouterRef, Subnet, Switch, fingerprint,
    };

    use super::*;

    /// A network of switches alone.
    #[derive(Default)]
    struct Net(BTreeMap<String, bool>);

    impl Topology for Net {
        fn switch(&self, name: &str) -> Option<Switch> {
            let provider = *self.0.get(name)?;
            Some(Switch { uuid: uuid::Uuid::nil(), name: name.to_owned(), provider })
        }
        fn port(&self, _: PortId) -> Option<Port> {
            None
        }
        fn router_ports_on(&self, _: &Switch) -> Vec<RouterPort> {
            Vec::new()
        }
        fn ports_of(&self, _: &RouterRef) -> Vec<RouterPort> {
            Vec::new()
        }
        fn subnet(&self, _: SubnetId) -> Option<Subnet> {
            None
        }
        fn floating_ips(&self, _: PortId, _: &IpAddr) -> Vec<IpAddr> {
            Vec::new()
        }
        fn member_floating_ips(&self, _: PortId, _: &IpAddr) -> Vec<FloatingIp> {
            Vec::new()
        }
        fn centralised_for(&self, _: LoadBalancerId) -> Vec<FloatingIp> {
            Vec::new()
        }
        fn port_at(&self, _: &Switch, _: &[IpNet], _: &IpAddr) -> Option<String> {
            None
        }
        fn source_of(&self, _: SubnetId, _: &Switch, _: bool) -> Option<IpAddr> {
            None
        }
        fn acls(&self, _: LoadBalancerId) -> Vec<ExistingAcl> {
            Vec::new()
        }
    }

    fn lb(n: u128) -> LoadBalancerId {
        uuid::Uuid::from_u128(n).into()
    }

    fn asks(net: &Net, names: &[&str]) -> Lookups {
        let recording = Recording::new(net);
        for name in names {
            recording.switch(name);
        }
        recording.into_lookups()
    }

    fn keys(names: &[&str]) -> BTreeSet<Key> {
        names.iter().map(|name| Key::Switch((*name).to_owned())).collect()
    }

    #[test]
    fn another_answer_concerns_those_who_asked() {
        let (index, rows) = (Index::default(), fingerprint(&0));
        let mut net = Net::default();
        assert_eq!(index.note(lb(1), asks(&net, &["a", "b"]), rows), BTreeSet::new());
        index.note(lb(2), asks(&net, &["b"]), rows);
        assert_eq!(index.changed(&keys(&["a", "b", "c"]), &net), BTreeSet::new(), "nothing is otherwise");
        net.0.insert("b".to_owned(), false);
        assert_eq!(index.changed(&keys(&["a"]), &net), BTreeSet::new());
        assert_eq!(index.changed(&keys(&["b"]), &net), [lb(1), lb(2)].into());
        assert_eq!(index.changed(&keys(&["b"]), &net), BTreeSet::new(), "told once");
    }

    #[test]
    fn who_no_longer_asks_is_not_concerned() {
        let (index, rows) = (Index::default(), fingerprint(&0));
        let mut net = Net::default();
        index.note(lb(1), asks(&net, &["a", "b"]), rows);
        index.note(lb(1), asks(&net, &["b"]), fingerprint(&1));
        assert_eq!(index.rows(lb(1)), Some(fingerprint(&1)));
        index.note(lb(2), asks(&net, &["a"]), rows);
        index.forget(lb(2));
        net.0.insert("a".to_owned(), false);
        assert_eq!(index.changed(&keys(&["a"]), &net), BTreeSet::new());
        assert!(!index.knows(lb(2)));
        index.forget(lb(1));
        assert!(index.0.lock().asked.is_empty() && index.all().is_empty());
    }

    #[test]
    fn what_there_was_is_remembered_when_all_is_forgotten() {
        let (index, net) = (Index::default(), Net::default());
        index.note(lb(1), asks(&net, &["a"]), fingerprint(&0));
        index.note(lb(2), asks(&net, &["a"]), fingerprint(&0));
        index.clear();
        assert!(!index.knows(lb(1)) && index.knew(lb(1)) && index.rows(lb(1)).is_none());
        assert_eq!(index.all().into_iter().collect::<BTreeSet<_>>(), [lb(1), lb(2)].into());
        index.forget(lb(2));
        index.note(lb(1), asks(&net, &["a"]), fingerprint(&0));
        assert_eq!(index.all(), [lb(1)]);
        index.clear();
        index.clear();
        assert_eq!(index.all(), [lb(1)]);
    }

    #[test]
    fn a_plan_on_a_newer_answer_tells_of_those_on_the_older_one() {
        let (index, rows) = (Index::default(), fingerprint(&0));
        let mut net = Net::default();
        index.note(lb(1), asks(&net, &["a"]), rows);
        net.0.insert("a".to_owned(), false);
        assert_eq!(index.note(lb(2), asks(&net, &["a"]), rows), [lb(1)].into());
    }
}
