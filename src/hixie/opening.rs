use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::challenge::answer;
use super::connection::Connection;
use crate::Moment;
use crate::handshake::{Progress, Refusal, take};

/// A server's opening in hixie-75 or hixie-76: takes the eight bytes that follow the head of a request in hixie-76,
/// and gives the connection.
///
/// ```
/// use sockless::Config;
/// use sockless::handshake::{OriginPolicy, ServerHandshake};
/// use sockless::hixie::{self, Upgrade};
///
/// let mut read = *b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a.example\r\n\
///     Origin: http://a.example\r\nSec-WebSocket-Key1: 1 x\r\nSec-WebSocket-Key2: 1 x\r\n\r\neight";
/// let mut input = &mut read[..];
/// let head = ServerHandshake::new(Default::default()).receive(&mut input)?.expect("it is whole");
/// if let Upgrade::Hixie(request) = hixie::upgrade(&head, OriginPolicy::SameHost)? {
///     let mut opening = request.open(&Default::default(), Config::default(), Default::default())?;
///     assert!(opening.receive(&mut input)?.is_none()); // three are missing
///     let connection = opening.receive(&mut &mut b"ish".to_owned()[..])?.expect("these were the three");
///     assert!(connection.queued() > 16); // the response
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Opening(Progress<Waiting, Refusal>);

struct Waiting {
    response: Vec<u8>,
    challenge: Option<Challenge>,
    connection: Connection,
}

/// The numbers of both keys, and as much as has come of the third.
struct Challenge {
    numbers: [u32; 2],
    key3: [u8; 8],
    length: usize,
}

impl Opening {
    pub(super) fn new(
        response: Vec<u8>,
        numbers: Option<[u32; 2]>,
        connection: Connection,
        time: Duration,
    ) -> Opening {
        let challenge = numbers.map(|numbers| Challenge { numbers, key3: [0; 8], length: 0 });
        Opening(Progress::new(Waiting { response, challenge, connection }, time))
    }

    /// Takes what belongs to the request off the front of `input`, and gives the connection, with the response queued,
    /// once it is there: in hixie-75 at once, even of an empty input.
    ///
    /// What follows stays in `input`: frames. `None` means that all of `input` was taken and more is needed; after the
    /// connection nothing is taken any more.
    ///
    /// # Errors
    /// What [`receive_eof`](Opening::receive_eof) or [`handle_timeout`](Opening::handle_timeout) has said.
    pub fn receive(&mut self, input: &mut &mut [u8]) -> Result<Option<Connection>, Refusal> {
        let Some(waiting) = self.0.waiting()? else { return Ok(None) };
        if let Some(challenge) = &mut waiting.challenge {
            if !challenge.take(input) {
                return Ok(None);
            }
            waiting.response.extend_from_slice(&answer(challenge.numbers, challenge.key3));
        }
        Ok(self.0.complete().map(|Waiting { response, connection, .. }| connection.answered(response)))
    }

    /// The client has ended the transport.
    ///
    /// # Errors
    /// [`EndedEarly`](Refusal::EndedEarly) if its eight bytes were not whole.
    pub fn receive_eof(&mut self) -> Result<(), Refusal> {
        self.0.receive_eof(Refusal::EndedEarly)
    }

    /// When [`Opening::handle_timeout`] wants to be called. The first call of either starts the clock.
    pub fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        self.0.poll_timeout(now)
    }

    /// Fails if the time has run out; harmless at any moment.
    ///
    /// # Errors
    /// [`TimedOut`](Refusal::TimedOut).
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), Refusal> {
        self.0.handle_timeout(now, Refusal::TimedOut)
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl Challenge {
    /// Takes what is missing off the front of `input`. Whether nothing is missing now.
    fn take(&mut self, input: &mut &mut [u8]) -> bool {
        let missing = self.key3.iter_mut().skip(self.length);
        let taken = missing.zip(input.iter()).map(|(to, from)| *to = *from).count();
        self.length += taken;
        take(input, taken);
        self.length == self.key3.len()
    }
}
