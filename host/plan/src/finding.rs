//! Findings: what users cannot see in Octavia although it may harm them, such as a VIP that clients cannot reach.

use std::borrow::Cow;

use serde::Serialize;
use weir_model::ObjectRef;

/// One finding about an object of a load balancer. A finding never changes the outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Stable kebab-case code, such as `no-router`; the label `code` of the metric `weir_findings`.
    pub code: Cow<'static, str>,
    /// The object that it concerns.
    pub object: ObjectRef,
    /// One sentence for operators: what is wrong and what mends it. Words from users in it are bounded and escaped.
    pub detail: String,
}

impl Finding {
    /// A finding with a code that is fixed at compile time.
    pub fn new(code: &'static str, object: ObjectRef, detail: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), object, detail: detail.into() }
    }
}
