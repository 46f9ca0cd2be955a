use alloc::boxed::Box;

use bytes::Bytes;

use super::outbox::{ControlFrame, Dropped, Outbox};
use super::outgoing::Payload;
use super::output::Output;
use super::prepared::Framed;
use crate::deadline::Since;
use crate::frame_header::FIN;
use crate::{ControlPayload, Keys, Opcode};

/// What makes frames of what was accepted (RFC 6455 §5) and queues them, a client's masked.
#[derive(Debug)]
pub(super) struct Framing {
    /// Taken with the first frame.
    outbox: Option<Box<Outbox>>,
    /// A client's; a server masks nothing.
    keys: Option<Box<Keys>>,
}

/// From this length on, a payload that is owned is shared instead of copied.
const SHARE_FROM: usize = 1024;

impl Framing {
    pub(super) fn new(keys: Option<Box<Keys>>) -> Framing {
        Framing { outbox: None, keys }
    }

    /// The bytes that are queued.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    #[inline]
    pub(super) fn output<'a>(&'a mut self, since: &'a mut Since) -> Output<'a> {
        Output::new(self.outbox.as_deref_mut(), since)
    }

    /// Gives back the memory of the queue, if nothing is queued.
    pub(super) fn release(&mut self) {
        if self.queued() == 0 {
            self.outbox = None;
        }
    }

    /// Queues bytes that come before the first frame: the head of a handshake.
    pub(super) fn push_head(&mut self, head: Bytes) {
        self.outbox().push_head(head);
    }

    /// Queues a payload in frames of `most` bytes. The first byte of the first of them is `head`, and FIN if it is the
    /// last.
    #[inline]
    pub(super) fn push<P: Payload>(&mut self, most: usize, fin: u8, head: u8, payload: P) {
        let len = payload.bytes().len();
        if len > most {
            return self.push_cut(most.max(1), fin, head, payload);
        }
        let payload = if len < SHARE_FROM || self.keys.is_some() { Err(payload) } else { payload.share() };
        match payload {
            Ok(shared) => self.outbox().push_shared(fin | head, shared),
            Err(payload) => self.push_copied(fin | head, payload.bytes()),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_cut<P: Payload>(&mut self, most: usize, fin: u8, head: u8, payload: P) {
        let heads = move |index: usize, last: bool| {
            let head = if index == 0 { head } else { Opcode::Continuation.bits() };
            head | if last { fin } else { 0 }
        };
        let shared = if self.keys.is_none() && most >= SHARE_FROM { payload.share() } else { Err(payload) };
        match shared {
            Ok(mut rest) => {
                for index in 0.. {
                    let frame = rest.split_to(most.min(rest.len()));
                    self.outbox().push_shared(heads(index, rest.is_empty()), frame);
                    if rest.is_empty() {
                        break;
                    }
                }
            }
            Err(payload) => {
                let mut frames = payload.bytes().chunks(most).enumerate().peekable();
                while let Some((index, frame)) = frames.next() {
                    self.push_copied(heads(index, frames.peek().is_none()), frame);
                }
            }
        }
    }

    /// Queues what was framed beforehand.
    pub(super) fn push_framed(&mut self, frame: &Framed) {
        if self.keys.is_some() || frame.bytes().len() < SHARE_FROM {
            self.push_copied(frame.head(), frame.payload());
        } else {
            self.outbox().push_whole(frame.bytes().clone());
        }
    }

    /// Queues a ping or a pong, before data that nobody has seen yet.
    pub(super) fn insert(&mut self, opcode: Opcode, payload: ControlPayload) {
        let frame = self.control_frame(opcode, payload);
        self.outbox().insert(frame);
    }

    /// Queues the answer to a ping: as [`insert`](Framing::insert), but no more of them than are bounded.
    pub(super) fn push_pong(&mut self, payload: ControlPayload) {
        let pong = self.control_frame(Opcode::Pong, payload);
        self.outbox().push_pong(pong);
    }

    /// Queues a Close: behind all data, and behind all pongs owed.
    pub(super) fn push_close(&mut self, payload: &[u8]) {
        self.outbox().settle_pongs();
        self.push_copied(FIN | Opcode::Close.bits(), payload);
        self.outbox().watch_last();
    }

    /// Queues a ping whose answer is waited for.
    pub(super) fn push_ping(&mut self) {
        self.insert(Opcode::Ping, ControlPayload::EMPTY);
        self.outbox().watch_inserted();
    }

    /// Whether such a ping, or the Close, is still here.
    pub(super) fn holds_watched(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.holds_watched())
    }

    /// Takes back every frame that the driver has not seen.
    pub(super) fn drop_unstarted(&mut self) -> Dropped {
        self.outbox().drop_unstarted()
    }

    #[inline]
    fn push_copied(&mut self, head: u8, payload: &[u8]) {
        match self.keys {
            None => self.outbox().push_copied(head, payload),
            Some(_) => self.push_masked(head, payload),
        }
    }

    /// Apart, so that a server's short way is small enough to be inlined.
    #[inline]
    fn push_masked(&mut self, head: u8, payload: &[u8]) {
        if let Some(key) = self.masking_key() {
            self.outbox().push_masked(head, key, payload);
        }
    }

    fn control_frame(&mut self, opcode: Opcode, payload: ControlPayload) -> ControlFrame {
        ControlFrame { head: FIN | opcode.bits(), key: self.masking_key(), payload }
    }

    #[inline]
    fn masking_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(|keys| keys.masking_key())
    }

    #[inline]
    fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_with(empty_outbox)
    }
}

/// Apart, because it is called once and where it is called often.
#[cold]
fn empty_outbox() -> Box<Outbox> {
    Box::default()
}
