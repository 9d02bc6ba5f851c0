//! The shipped plugin for Octavia's protocol TCP: OVN balances its connections by transport tcp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::L4;

const L4: L4 = L4 {
    name: "tcp",
    version: env!("CARGO_PKG_VERSION"),
    protocol: "TCP",
    transport: "tcp",
    fallback: true,
    monitors: &["TCP"],
};

/// Octavia's TCP.
#[derive(Debug)]
pub struct Tcp;

weir_guest::export_l4!(Tcp, L4);

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(Tcp, "cases", natively);
