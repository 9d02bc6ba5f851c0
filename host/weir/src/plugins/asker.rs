//! One question to the plugin that serves it, or to one that stands in.

use std::{borrow::Cow, cell::Cell};

use tracing::debug;
use weir_sandbox::{CallError, Context, OnFailure, Plugin};

/// Asks the questions about one load balancer.
pub struct Asker<'a> {
    context: &'a Context,
    broken: Cell<bool>,
}

impl<'a> Asker<'a> {
    /// With what all plugins are told; each gets its own configuration.
    pub fn new(context: &'a Context) -> Self {
        Self { context, broken: Cell::new(false) }
    }

    /// Whether a plugin failed so far, be it that another stood in.
    pub fn broken(&self) -> bool {
        self.broken.get()
    }

    /// Asks a plugin; where it fails and the operator wants it so, `stand_in` is asked instead. Says who has answered.
    /// `inherited` are the options that are not new in this question.
    pub fn ask<'p, T>(
        &self,
        plugin: &'p Plugin,
        stand_in: Option<&'p Plugin>,
        inherited: &str,
        question: impl Fn(&Plugin, &Context) -> Result<T, CallError>,
    ) -> Result<(T, &'p Plugin), (CallError, &'p Plugin)> {
        let failure = match question(plugin, &self.context_of(plugin, inherited)) {
            Ok(answer) => return Ok((answer, plugin)),
            Err(CallError::Refused(refusal)) => return Err((CallError::Refused(refusal), plugin)),
            Err(CallError::Failed(failure)) => failure,
        };
        self.broken.set(true);
        let stand_in = stand_in.filter(|_| plugin.on_failure() == OnFailure::BuiltIn && !plugin.is_shipped());
        match stand_in {
            Some(stand_in) => {
                debug!(
                    plugin = plugin.name(),
                    stand_in = stand_in.name(),
                    code = failure.code(),
                    "stands in"
                );
                let answer = question(stand_in, &self.context_of(stand_in, inherited));
                answer.map(|answer| (answer, stand_in)).map_err(|error| (error, stand_in))
            }
            None => Err((CallError::Failed(failure), plugin)),
        }
    }

    fn context_of(&self, plugin: &Plugin, inherited: &str) -> Cow<'a, Context> {
        if plugin.config().is_empty() && inherited.is_empty() {
            return Cow::Borrowed(self.context);
        }
        let mut context = self.context.clone();
        plugin.config().clone_into(&mut context.config);
        if !inherited.is_empty() {
            context.extra.push(("inherited".to_owned(), inherited.to_owned()));
        }
        Cow::Owned(context)
    }
}
