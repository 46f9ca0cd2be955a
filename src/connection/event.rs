use crate::{CloseCode, Data, Text};

/// What a connection received. It borrows the driver's buffer alone: while it is held, the connection is free.
///
/// With [`Delivery::Messages`](crate::Delivery) every text and binary event is a whole message, `first` and `last`
/// both true.
///
/// With `Parts` a message comes as it arrives, and its flags say where it begins and ends:
///
/// ```
/// use sockless::{Config, Connection, Delivery, Event, Keys};
///
/// let config = Config::default().delivery(Delivery::Parts);
/// let mut connection = Connection::client(config, Keys::from_seed([7; 32])); // a test; else `Keys::from_os`
/// let mut cut = *b"\x82\x05Hel"; // two bytes are still on their way
/// let mut input = &mut cut[..];
/// let Some(Event::Binary { data, first, last }) = connection.receive(&mut input)? else { panic!() };
/// assert_eq!((&*data, first, last), (&b"Hel"[..], true, false));
/// # Ok::<(), sockless::ProtocolError>(())
/// ```
#[derive(Debug)]
pub enum Event<'b> {
    /// Text, valid UTF-8.
    Text {
        /// The text.
        text: Text<'b>,
        /// Whether it begins the message.
        first: bool,
        /// Whether it ends the message.
        last: bool,
    },
    /// Bytes.
    Binary {
        /// The bytes.
        data: Data<'b>,
        /// Whether they begin the message.
        first: bool,
        /// Whether they end the message.
        last: bool,
    },
    /// A ping. Its pong is queued already, unless [`Config::pongs`](crate::Config::pongs) says otherwise.
    Ping(Data<'b>),
    /// A pong, asked for or not.
    Pong(Data<'b>),
    /// The peer's Close, the last event. Its answer is queued already, unless
    /// [`Config::closes`](crate::Config::closes) says otherwise.
    Close {
        /// The code, if it has one.
        code: Option<CloseCode>,
        /// The reason, empty if it has none.
        reason: Text<'b>,
    },
}
