//! What operators should know of load balancers: kept per load balancer and per part of the host that reports it.
//!
//! A finding is a WARN when it appears and an INFO when it is gone. `GET /v1/loadbalancers/{id}` shows it, and the metric
//! `weir_findings` counts load balancers by code.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use parking_lot::Mutex;
use tracing::{info, warn};
use weir_model::LoadBalancerId;
use weir_plan::Finding;

/// The part of the host that reports findings; each report replaces the former one of the same part.
pub type Source = &'static str;

/// The plan that was made last.
pub const PLAN: Source = "plan";

/// Findings of all load balancers.
#[derive(Default)]
pub struct Findings(Mutex<HashMap<LoadBalancerId, BTreeMap<Source, BTreeSet<Finding>>>>);

impl Findings {
    /// Replaces what a part has found of a load balancer.
    pub fn report(&self, lb: LoadBalancerId, source: Source, found: Vec<Finding>) {
        let found: BTreeSet<_> = found.into_iter().collect();
        let mut all = self.0.lock();
        let before = match all.get(&lb).and_then(|sources| sources.get(&source)) {
            Some(before) if *before == found => return,
            Some(before) => before.clone(),
            None if found.is_empty() => return,
            None => BTreeSet::new(),
        };
        let sources = all.entry(lb).or_default();
        if found.is_empty() {
            sources.remove(&source);
        } else {
            sources.insert(source, found.clone());
        }
        if sources.is_empty() {
            all.remove(&lb);
        }
        drop(all);
        for Finding { code, object, detail } in found.difference(&before) {
            warn!(%lb, code = %code, ?object, detail, "load balancer has a finding");
        }
        for Finding { code, object, .. } in before.difference(&found) {
            info!(%lb, code = %code, ?object, "finding is resolved");
        }
    }

    /// Forgets what a part has found of load balancers that are not there any more.
    pub fn retain(&self, source: Source, there: &BTreeSet<LoadBalancerId>) {
        self.0.lock().retain(|lb, sources| {
            if !there.contains(lb) {
                sources.remove(&source);
            }
            !sources.is_empty()
        });
    }

    /// Forgets a load balancer that is gone.
    pub fn forget(&self, lb: LoadBalancerId) {
        self.0.lock().remove(&lb);
    }

    /// The findings of one load balancer, but for those of one part.
    pub fn of_all_but(&self, lb: LoadBalancerId, source: Option<Source>) -> BTreeSet<Finding> {
        let all = self.0.lock();
        let sources = all.get(&lb).into_iter().flatten().filter(|(other, _)| Some(**other) != source);
        sources.flat_map(|(_, found)| found).cloned().collect()
    }

    /// The number of load balancers with each code, but for what one part has found.
    pub fn counts_but(&self, source: Option<Source>) -> BTreeMap<Cow<'static, str>, usize> {
        let all = self.0.lock();
        let mut counts = BTreeMap::new();
        for sources in all.values() {
            let found =
                sources.iter().filter(|(other, _)| Some(**other) != source).flat_map(|(_, found)| found);
            let codes: BTreeSet<_> = found.map(|finding| &finding.code).collect();
            for code in codes {
                *counts.entry(code.clone()).or_insert(0) += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_model::ObjectRef;

    use super::*;

    fn lb(n: u128) -> LoadBalancerId {
        Uuid::from_u128(n).into()
    }

    fn finding(code: &'static str, n: u128) -> Finding {
        Finding::new(code, ObjectRef::LoadBalancer(lb(n)), "detail")
    }

    #[test]
    fn report_replaces_only_findings_of_the_same_source() {
        let findings = Findings::default();
        findings.report(lb(1), PLAN, vec![finding("a", 1)]);
        findings.report(lb(1), "octavia", vec![finding("b", 1)]);
        findings.report(lb(1), PLAN, vec![finding("c", 1)]);
        let codes: Vec<_> =
            findings.of_all_but(lb(1), None).into_iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["b", "c"]);
        assert_eq!(findings.of_all_but(lb(1), Some(PLAN)), [finding("b", 1)].into());
        findings.report(lb(2), PLAN, vec![finding("a", 2)]);
        assert_eq!(findings.counts_but(Some(PLAN)), [(Cow::Borrowed("b"), 1)].into());
        findings.retain(PLAN, &[lb(1)].into());
        assert!(findings.of_all_but(lb(2), None).is_empty());
        findings.report(lb(1), PLAN, Vec::new());
        findings.report(lb(1), "octavia", Vec::new());
        assert!(findings.of_all_but(lb(1), None).is_empty() && findings.0.lock().is_empty());
    }

    #[test]
    fn counts_count_each_load_balancer_once_per_code() {
        let findings = Findings::default();
        let two = vec![finding("a", 1), Finding { detail: "other".to_owned(), ..finding("a", 1) }];
        findings.report(lb(1), PLAN, two);
        findings.report(lb(2), "octavia", vec![finding("a", 2)]);
        assert_eq!(findings.counts_but(None), [(Cow::Borrowed("a"), 2)].into());
        findings.forget(lb(2));
        assert_eq!(findings.counts_but(None), [(Cow::Borrowed("a"), 1)].into());
    }
}
