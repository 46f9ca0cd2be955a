//! permessage-deflate where the feature `deflate` is there; elsewhere it is neither offered nor accepted.

#![allow(dead_code, unreachable_pub)] // each example uses its part of it

use sockless::Connection;
use sockless::handshake::{Agreed, DeflateFault, Established, Extension, ExtensionText, PermessageDeflate};

/// What these programs want of it.
fn policy() -> Option<PermessageDeflate> {
    cfg!(feature = "deflate").then(PermessageDeflate::default)
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
