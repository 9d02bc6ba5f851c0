//! Tokens kept and renewed, requests repeated where that is safe.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    NeutronError, Settings,
    http::{Ask, Http},
    keystone::{self, Token},
    limits,
};

/// Requests to Neutron in our name.
pub(crate) struct Session {
    settings: Settings,
    http: Http,
    /// Locked while a new one is asked for, so that many requests ask once.
    token: Mutex<Option<Arc<Token>>>,
}

/// Whom a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Neutron,
    Octavia,
}

/// A request.
pub(crate) struct Wanted<'a> {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// From behind the version on.
    pub(crate) path: &'a str,
    /// Encoded.
    pub(crate) query: &'a str,
    pub(crate) body: Option<&'a Value>,
}

/// What is done after an answer.
enum Next {
    /// Nothing more.
    Done(Value),
    /// It is sent again after a pause, or at once with a new token.
    Again(NeutronError, Option<Duration>),
}

impl Session {
    pub(crate) fn new(settings: Settings) -> Result<Self, NeutronError> {
        let http = Http::new(&settings.trust)?;
        Ok(Self { settings, http, token: Mutex::new(None) })
    }

    /// Sends a request until it has a good answer, a refusal that lasts, or the time is over.
    ///
    /// A request that may have been carried out already is sent again only where twice is the same as once: not a `POST`.
    pub(crate) async fn ask(&self, wanted: &Wanted<'_>, until: Instant) -> Result<Value, NeutronError> {
        let mut pause = limits::PAUSE_MIN;
        let mut new_token = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let (error, wait) = match self.once(wanted, until, &mut new_token).await {
                Ok(Next::Done(answer)) => return Ok(answer),
                Ok(Next::Again(error, wait)) => (error, wait),
                Err(error) if repeatable(&error, &wanted.method) => (error, Some(pause)),
                Err(error) => return Err(error),
            };
            let wait = wait.unwrap_or_default();
            if tries >= limits::TRIES || wait > limits::RETRY_AFTER_MAX || Instant::now() + wait >= until {
                return Err(error);
            }
            tracing::debug!(code = error.code(), %error, milliseconds = wait.as_millis(), "sent again");
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(limits::PAUSE_MAX);
        }
    }

    async fn once(
        &self,
        wanted: &Wanted<'_>,
        until: Instant,
        new_token: &mut bool,
    ) -> Result<Next, NeutronError> {
        let token = self.token(until).await?;
        let base = match wanted.service {
            Service::Neutron => &token.neutron,
            Service::Octavia => token.octavia.as_ref().ok_or(NeutronError::NoOctavia)?,
        };
        let ask = Ask {
            method: wanted.method.clone(),
            url: format!("{base}{}", wanted.path),
            query: wanted.query.to_owned(),
            body: wanted.body.map(|body| Bytes::from(body.to_string())),
            token: Some(token.value.clone()),
        };
        let answer = self.http.send(&ask, within(until)).await?;
        if answer.is_good() {
            let empty = answer.body.is_empty();
            return Ok(Next::Done(if empty { Value::Null } else { ask.json(&answer)? }));
        }
        let refusal = ask.refusal(&answer);
        match answer.status {
            // Revoked, or Keystone's keys were changed: once with a new one.
            401 if !std::mem::replace(new_token, true) => {
                self.forget(&token).await;
                Ok(Next::Again(refusal, None))
            }
            // It says itself that it has not done it.
            429 | 503 => {
                let wait = answer.retry_after().unwrap_or(limits::PAUSE_MIN * 5);
                Ok(Next::Again(refusal, Some(wait)))
            }
            _ => Err(refusal),
        }
    }

    /// A token with some life in it.
    pub(crate) async fn token(&self, until: Instant) -> Result<Arc<Token>, NeutronError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.clone());
        }
        let token = Arc::new(self.new_token(until).await?);
        tracing::debug!(neutron = token.neutron, "new token");
        *kept = Some(token.clone());
        Ok(token)
    }

    async fn new_token(&self, until: Instant) -> Result<Token, NeutronError> {
        let mut pause = limits::PAUSE_MIN;
        loop {
            match keystone::authenticate(&self.http, &self.settings, within(until)).await {
                // Asking twice for a token does no harm.
                Err(error) if error.passes() && Instant::now() + pause < until => {
                    tracing::debug!(code = error.code(), %error, "Keystone is asked again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(limits::PAUSE_MAX);
                }
                answer => return answer,
            }
        }
    }

    async fn forget(&self, token: &Arc<Token>) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, token)) {
            *kept = None;
        }
    }
}

fn within(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).min(limits::REQUEST)
}

fn repeatable(error: &NeutronError, method: &Method) -> bool {
    let once = *method == Method::POST;
    error.passes() && !(once && error.is_ambiguous())
}
