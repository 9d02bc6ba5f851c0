//! What an operator says of one plugin.

use crate::Limits;

/// Before the shipped ones, which have priority 0.
pub(crate) const PRIORITY: i32 = 100;

/// After so many failures in a row a plugin is put out of use for a while.
pub(crate) const SUSPEND_AFTER: u32 = 5;

/// What happens to a call whose plugin breaks. A plugin that refuses has not broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is refused; what is live stays as it is.
    #[default]
    Refuse,
    /// A shipped plugin that serves the same is asked instead, but never about what another plugin has made.
    BuiltIn,
    /// It is accepted where something is live already: that stays, less what the call takes away, until the plugin works.
    KeepLast,
}

impl OnFailure {
    /// As the manifest spells it.
    pub fn word(self) -> &'static str {
        match self {
            OnFailure::Refuse => "refuse",
            OnFailure::BuiltIn => "built-in",
            OnFailure::KeepLast => "keep-last",
        }
    }
}

/// What an operator says of one plugin. The default is what a bare file gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name it must have.
    pub name: Option<String>,
    /// The protocols it may serve; none: all that it describes.
    pub protocols: Option<Vec<String>>,
    /// The algorithms it may serve; none: all that it describes.
    pub algorithms: Option<Vec<String>>,
    /// Of those that serve the same the one with the highest serves it. Shipped ones have 0. Default 100.
    pub priority: i32,
    /// Its configuration: JSON, or empty.
    pub config: String,
    /// What its calls may use.
    pub limits: Limits,
    /// The `Load_Balancer` options it may set; none: all that it describes.
    pub options: Option<Vec<String>>,
    /// What happens to a call that breaks it.
    pub on_failure: OnFailure,
    /// So many failures in a row put it out of use for a while; 0 is never. Default 5.
    pub suspend_after: u32,
}

impl Settings {
    /// What a bare file gets.
    pub fn with_limits(limits: Limits) -> Settings {
        Settings {
            name: None,
            protocols: None,
            algorithms: None,
            priority: PRIORITY,
            config: String::new(),
            limits,
            options: None,
            on_failure: OnFailure::Refuse,
            suspend_after: SUSPEND_AFTER,
        }
    }

    /// What the shipped plugins get.
    pub(crate) fn shipped(limits: Limits) -> Settings {
        Settings { priority: 0, ..Settings::with_limits(limits) }
    }
}
