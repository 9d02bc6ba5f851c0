//! The shipped plugin for Octavia's protocols TCP and HTTPS: OVN balances their connections by transport tcp.
//!
//! HTTPS is what passes through as it is: members hold the certificates and speak TLS themselves. (TLS that ends at the
//! load balancer is another word of Octavia's, TERMINATED_HTTPS.) So a listener of either may have a pool of either, and
//! the row says which, since Octavia does not forget the word.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::L4;

const L4: L4 = L4 {
    name: "tcp",
    version: env!("CARGO_PKG_VERSION"),
    protocols: &["TCP", "HTTPS"],
    transport: "tcp",
    fallback: true,
    monitors: &["TCP"],
};

/// Octavia's TCP and HTTPS.
#[derive(Debug)]
pub struct Tcp;

weir_guest::export_l4!(Tcp, L4);

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(Tcp, "cases", natively);
