//! Descriptions and empty translations, built in few words.

use crate::{Description, Translation};

impl Description {
    /// Of a plugin that serves protocols. No fallback, no configuration, no options: change what is different.
    ///
    /// ```
    /// use weir_guest::Description;
    ///
    /// let description = Description {
    ///     options: vec!["hairpin_snat_ip".into()],
    ///     ..Description::of_protocols("pigeon", "1.2.3", &["PIGEON"])
    /// };
    /// assert_eq!(description.protocols, ["PIGEON"]);
    /// assert!(!description.fallback && description.algorithms.is_empty());
    /// ```
    pub fn of_protocols(name: &str, version: &str, protocols: &[&str]) -> Description {
        Description {
            name: name.into(),
            version: version.into(),
            protocols: protocols.iter().map(|p| (*p).into()).collect(),
            algorithms: vec![],
            fallback: false,
            config_schema: String::new(),
            options: vec![],
        }
    }

    /// Of a plugin that serves algorithms, its default first. Otherwise as [`Description::of_protocols`].
    ///
    /// ```
    /// let description = weir_guest::Description::of_algorithms("weighted", "1.2.3", &["WEIGHTED"]);
    /// assert_eq!(description.algorithms, ["WEIGHTED"]);
    /// ```
    pub fn of_algorithms(name: &str, version: &str, algorithms: &[&str]) -> Description {
        let algorithms = algorithms.iter().map(|a| (*a).into()).collect();
        Description { algorithms, ..Description::of_protocols(name, version, &[]) }
    }
}

impl Translation {
    /// No entries, and why.
    ///
    /// ```
    /// let answer = weir_guest::Translation::empty("pigeon", "the listener is disabled");
    /// assert!(answer.entries.is_empty() && answer.empty_reason.is_some());
    /// ```
    pub fn empty(transport: &str, reason: &str) -> Translation {
        Translation {
            transport: transport.into(),
            entries: vec![],
            options: vec![],
            empty_reason: Some(reason.into()),
        }
    }
}
