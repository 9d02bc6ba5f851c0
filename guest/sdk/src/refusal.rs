//! Refusals, built in few words.

use crate::Refusal;

impl Refusal {
    /// A refusal with a stable kebab-case `code`, the `field` that was wrong (`object.attribute`, or empty)
    /// and a sentence for the user.
    ///
    /// ```
    /// use weir_guest::Refusal;
    ///
    /// let refusal = Refusal::new("too-many-members", "pool.members", "a pool of PIGEON has at most 9 members; remove 3")
    ///     .operator("the roof holds no more");
    /// assert_eq!(refusal.code, "too-many-members");
    /// assert_eq!(refusal.operator, "the roof holds no more");
    /// ```
    pub fn new(code: &str, field: &str, user: impl Into<String>) -> Refusal {
        Refusal { code: code.into(), field: field.into(), user: user.into(), operator: String::new() }
    }

    /// The same with a sentence for the operator.
    #[must_use]
    pub fn operator(mut self, text: impl Into<String>) -> Refusal {
        self.operator = text.into();
        self
    }

    /// `what` was given the word `asked`, but only `possible` can be done.
    ///
    /// ```
    /// let refusal = weir_guest::Refusal::unsupported("unsupported-colour", "pool.colour", "paint in", "RED", &["BLUE", "GREEN"]);
    /// assert_eq!(refusal.user, "OVN cannot paint in RED; choose BLUE or GREEN");
    /// ```
    pub fn unsupported(code: &str, field: &str, what: &str, asked: &str, possible: &[&str]) -> Refusal {
        let mut user = format!("OVN cannot {what} {asked}");
        if !possible.is_empty() {
            user.push_str("; choose ");
            user.push_str(&possible.join(" or "));
        }
        Refusal::new(code, field, user)
    }
}
