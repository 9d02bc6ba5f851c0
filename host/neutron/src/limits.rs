//! Times and sizes.

use std::time::Duration;

/// How long one request may take: Neutron makes a port in about half a second, and in several under load.
pub const REQUEST: Duration = Duration::from_secs(15);

/// How long an operation may take with all its repeats, where the caller says nothing else.
pub const OPERATION: Duration = Duration::from_secs(60);

/// First pause before a repeat; doubles to [`PAUSE_MAX`].
pub const PAUSE_MIN: Duration = Duration::from_millis(200);

/// See [`PAUSE_MIN`].
pub const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A `Retry-After` is followed up to this; a longer one ends the operation.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// How often a request is sent at the most.
pub const TRIES: u32 = 8;

/// A token is renewed so long before it expires, or at nine tenths of its life where that is later: a request must not
/// outlive its token.
pub const RENEW_BEFORE: Duration = Duration::from_secs(120);

/// The life of a token whose expiry cannot be read.
pub const TOKEN_LIFE: Duration = Duration::from_secs(5 * 60);

/// Bytes of an answer: a catalog of a large cloud, or a page of ports, is far below.
pub const ANSWER: usize = 16 * 1024 * 1024;

/// Ports a page.
pub const PAGE: usize = 500;

/// Pages of one list: a server that never ends it is not followed for ever.
pub const PAGES: usize = 1_000;

/// Characters of a server's message that are repeated in an error.
pub const MESSAGE: usize = 400;

/// Idle connections to a server that are kept.
pub const IDLE: usize = 4;

/// How long an idle connection is kept; servers close theirs after 60 s or so.
pub const IDLE_TIME: Duration = Duration::from_secs(20);
