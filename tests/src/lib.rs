//! Tests across crates, on real parts.
