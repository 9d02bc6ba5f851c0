//! Plugins in a running host: sets that are swapped, refused, confirmed; what each failure policy does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod folder;
mod missing;
mod policies;
mod reload;
