use core::time::Duration;

/// What a handshake over raw bytes may cost; exceeding any of it is an error, never a truncation.
///
/// ```
/// use sockless::handshake::{HandshakeLimits, Refusal, ServerHandshake};
///
/// let limits = HandshakeLimits { head: 4096, ..HandshakeLimits::default() };
/// let mut handshake = ServerHandshake::new(limits);
/// let mut endless = b"GET / HTTP/1.1\r\nA: ".to_vec();
/// endless.resize(5000, b'a');
/// assert_eq!(handshake.receive(&mut &mut endless[..]).err(), Some(Refusal::HeadTooLarge));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeLimits {
    /// The bytes of a head, 16 KiB by default. Of a client's interim responses, all together have to keep to it.
    pub head: usize,
    /// The bytes of the first line with its end, 8 KiB by default (RFC 9112 §3 asks for 8000).
    pub line: usize,
    /// The field lines, 100 by default.
    pub fields: usize,
    /// The time from the first `poll_timeout` to the end of the head, 10 seconds by default.
    pub time: Duration,
}

impl Default for HandshakeLimits {
    fn default() -> HandshakeLimits {
        HandshakeLimits { head: 16 * 1024, line: 8 * 1024, fields: 100, time: Duration::from_secs(10) }
    }
}
