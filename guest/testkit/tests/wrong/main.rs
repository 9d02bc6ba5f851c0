//! For each rule a plugin that breaks it, and only it: it is caught, and told what to mend.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::type_complexity)]

mod others;
mod stand_in;
mod translations;
