//! The shipped plugin for Octavia's protocol UDP: OVN balances its connections by transport udp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::L4;

const L4: L4 = L4 {
    name: "udp",
    version: env!("CARGO_PKG_VERSION"),
    protocols: &["UDP"],
    transport: "udp",
    fallback: false,
    monitors: &["UDP-CONNECT"],
};

/// Octavia's UDP.
#[derive(Debug)]
pub struct Udp;

weir_guest::export_l4!(Udp, L4);

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(Udp, "cases", natively);
