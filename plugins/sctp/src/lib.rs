//! The shipped plugin for Octavia's protocol SCTP: OVN balances its connections by transport sctp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::L4;

const L4: L4 = L4 {
    name: "sctp",
    version: env!("CARGO_PKG_VERSION"),
    protocols: &["SCTP"],
    transport: "sctp",
    fallback: false,
    monitors: &[],
};

/// Octavia's SCTP.
#[derive(Debug)]
pub struct Sctp;

weir_guest::export_l4!(Sctp, L4);

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(Sctp, "cases", natively);
