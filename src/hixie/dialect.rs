use crate::handshake::{RequestHead, lists, named};

/// What a client speaks, by the head of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// draft-hixie-thewebsocketprotocol-75.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76, which is hybi-00 as well. Eight bytes follow the head.
    Hixie76,
    /// draft-ietf-hybi-thewebsocketprotocol-07 to -12: version 7 or 8.
    Hybi,
    /// RFC 6455, or a version that only its rules can refuse.
    Rfc6455,
}

impl Dialect {
    /// The dialect of a request; `None` if it asks for no WebSocket.
    ///
    /// Only what tells the dialects apart is looked at; whether the request is in order, [`upgrade`](super::upgrade)
    /// says. The version decides first, then the keys: a request that has neither is hixie-75. Of hixie-76, eight
    /// bytes of body follow the head and are still in the input.
    ///
    /// ```
    /// use sockless::handshake::ServerHandshake;
    /// use sockless::hixie::Dialect;
    ///
    /// let mut read = *b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a.example\r\n\
    ///     Origin: http://a.example\r\n\r\n";
    /// let head = ServerHandshake::new(Default::default()).receive(&mut &mut read[..])?.expect("it is whole");
    /// assert_eq!(Dialect::of(&head), Some(Dialect::Hixie75));
    /// # Ok::<(), sockless::handshake::Refusal>(())
    /// ```
    pub fn of(head: &RequestHead) -> Option<Dialect> {
        if !named(head.fields(), "upgrade").any(|value| lists(value, "websocket")) {
            return None;
        }
        Some(match head.field("sec-websocket-version") {
            Some(b"7" | b"8") => Dialect::Hybi,
            Some(_) => Dialect::Rfc6455,
            None if head.field("sec-websocket-key1").is_some() => Dialect::Hixie76,
            None if head.field("sec-websocket-key2").is_some() => Dialect::Hixie76,
            None if head.field("sec-websocket-key").is_some() => Dialect::Rfc6455,
            None => Dialect::Hixie75,
        })
    }
}
