use bytes::Bytes;
use sockless::{CloseCode, Event};

/// A message, or a control frame, that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A ping. One that was received is answered already.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A Close. One that was received is answered already.
    Close(Option<(CloseCode, String)>),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Message {
        Message::Text(text.into())
    }

    /// A binary message.
    pub fn binary(data: impl Into<Bytes>) -> Message {
        Message::Binary(data.into())
    }

    /// Whether this is text or binary, and no control frame.
    pub fn is_data(&self) -> bool {
        matches!(self, Message::Text(_) | Message::Binary(_))
    }
}

impl From<Event<'_>> for Message {
    /// The event to own. In parts delivery each part becomes a message of its own.
    fn from(event: Event<'_>) -> Message {
        match event {
            Event::Text { text, .. } => Message::Text(text.into_string()),
            Event::Binary { data, .. } => Message::Binary(data.into_bytes()),
            Event::Ping(data) => Message::Ping(data.into_bytes()),
            Event::Pong(data) => Message::Pong(data.into_bytes()),
            Event::Close { code, reason } => Message::Close(code.map(|code| (code, reason.into_string()))),
        }
    }
}
