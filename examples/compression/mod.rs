//! permessage-deflate where the feature `deflate` is there; elsewhere it is neither offered nor accepted.
//! `--window-bits N` sets both windows, `--no-context-takeover` keeps none between messages.

#![allow(dead_code, unreachable_pub)] // each example uses its part of it

use sockless::Connection;
use sockless::handshake::{
    Agreed, DeflateFault, Established, Extension, ExtensionText, PermessageDeflate, WindowBits,
};

/// What these programs want of it.
pub fn policy() -> Option<PermessageDeflate> {
    if !cfg!(feature = "deflate") {
        return None;
    }
    let mut policy = PermessageDeflate::default();
    let bits = std::env::args().skip_while(|argument| argument != "--window-bits").nth(1);
    if let Some(bits) = bits.and_then(|bits| bits.parse().ok()).and_then(WindowBits::new) {
        policy = policy.server_max_window_bits(bits).client_max_window_bits(Some(bits));
    }
    if std::env::args().any(|argument| argument == "--no-context-takeover") {
        policy = policy.no_context_takeover();
    }
    Some(policy)
}

/// A server's choice of the offers.
pub fn choose<'a>(offers: impl Iterator<Item = Extension<'a>>) -> Option<Agreed> {
    policy()?.answer(offers)
}

/// A client's offer.
pub fn offer() -> Option<ExtensionText> {
    policy().map(|policy| policy.offer())
}

/// What a client's offer came to.
pub fn agreed(established: &Established) -> Result<Option<Agreed>, DeflateFault> {
    policy().map_or(Ok(None), |policy| policy.check(established.extensions()))
}

/// The connection, compressing if that was agreed.
#[cfg(feature = "deflate")]
pub fn applied(connection: Connection, agreed: Option<Agreed>) -> Connection {
    connection.with_deflate(agreed)
}

#[cfg(not(feature = "deflate"))]
pub fn applied(connection: Connection, _: Option<Agreed>) -> Connection {
    connection
}
