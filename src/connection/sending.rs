use super::outgoing::Payload;
use super::sender::Sender;
use crate::deflate::DeflatePool;

/// A connection's calls that send data, done otherwise than by itself: with a pool, or uncompressed.
///
/// [`Sender::with_pool`] and [`Sender::uncompressed`] make it. Each call is, but for that, the one of the same name of
/// [`Sender`]; a message that is begun with a pool keeps what it borrowed until it is finished with one.
///
/// ```
/// use sockless::handshake::PermessageDeflate;
/// use sockless::{Config, Connection};
///
/// let agreed = PermessageDeflate::default().agreed();
/// let mut connection = Connection::server(Config::default()).with_deflate(agreed);
/// connection.uncompressed().text(&"secret".repeat(100))?;
/// assert_eq!(connection.queued(), 604);
/// # Ok::<(), sockless::SendError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent yet"]
pub struct Sending<'a> {
    sender: &'a mut Sender,
    pool: Option<&'a mut DeflatePool>,
}

impl<'a> Sending<'a> {
    pub(super) fn with_pool(sender: &'a mut Sender, pool: &'a mut DeflatePool) -> Sending<'a> {
        Sending { sender, pool: Some(pool) }
    }

    pub(super) fn uncompressed(sender: &'a mut Sender) -> Sending<'a> {
        Sending { sender, pool: None }
    }

    /// As [`Sender::text`].
    ///
    /// # Errors
    /// As there.
    pub fn text<P: Payload>(self, text: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.text(text))
    }

    /// As [`Sender::binary`].
    ///
    /// # Errors
    /// As there.
    pub fn binary<P: Payload>(self, data: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.binary(data))
    }

    /// As [`Sender::begin_text`]. Whether the message is compressed is decided here for all of it.
    ///
    /// # Errors
    /// As there.
    pub fn begin_text<P: Payload>(self, text: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.begin_text(text))
    }

    /// As [`Sender::begin_binary`]. Whether the message is compressed is decided here for all of it.
    ///
    /// # Errors
    /// As there.
    pub fn begin_binary<P: Payload>(self, data: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.begin_binary(data))
    }

    /// As [`Sender::more`].
    ///
    /// # Errors
    /// As there.
    pub fn more<P: Payload>(self, payload: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.more(payload))
    }

    /// As [`Sender::finish`].
    ///
    /// # Errors
    /// As there.
    pub fn finish<P: Payload>(self, payload: P) -> Result<(), P::Refused> {
        self.send(|sender| sender.finish(payload))
    }

    fn send<T>(self, call: impl FnOnce(&mut Sender) -> T) -> T {
        let Sending { sender, mut pool } = self;
        if let Some(deflation) = sender.deflation() {
            match &mut pool {
                Some(pool) => deflation.borrow(pool),
                None => deflation.off = true,
            }
        }
        let result = call(sender);
        if let Some(deflation) = sender.deflation() {
            match pool {
                Some(pool) => deflation.give_back(pool),
                None => deflation.off = false,
            }
        }
        result
    }
}
