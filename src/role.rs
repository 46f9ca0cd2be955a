/// Which end of the connection this is: a client masks what it sends, a server never does (RFC 6455 §5.1).
///
/// ```
/// use sockless::Role;
///
/// assert_eq!(Role::Client.peer(), Role::Server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that opened the connection and sent the handshake request.
    Client,
    /// The end that answered the handshake request.
    Server,
}

impl Role {
    /// The role at the other end.
    pub const fn peer(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}
