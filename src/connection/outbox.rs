use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::frame_header::{MASKED, encode_header, put_header};
use crate::{ControlPayload, FrameHeader, Mask};

/// The bytes on their way out, in order.
///
/// ```text
/// copied   | hdr pay hdr pay hdr      | hdr pay hdr |
/// shared                     ^ payload  ^ whole frame          each `at` an offset of `copied`
/// pinned   |------- shown -------|                             nothing goes in before its end
/// mark                              ^                          the next place between two frames
/// ```
#[derive(Default)]
pub(crate) struct Outbox {
    /// Headers, and the payloads that were copied.
    copied: Vec<u8>,
    /// The bytes of `copied` that have gone out.
    read: usize,
    /// What was not copied: payloads, and whole frames. None is empty.
    shared: VecDeque<Shared>,
    /// All bytes that have not gone out.
    len: usize,
    /// How many of them, from the front, the driver has seen since it last took some. Atomic because `chunk` is
    /// given `&self`; nothing else is read with it, so the order does not matter.
    shown: AtomicUsize,
    /// Between two frames, behind every pong queued.
    mark: Mark,
    /// Pongs queued, and the bytes from the front to the end of the last one.
    pongs: usize,
    pongs_end: usize,
    /// The newest of the pongs that were too many.
    late_pong: Option<ControlFrame>,
    /// The bytes from the front to the end of the ping or the Close that is to be answered; none once it has gone.
    watched_end: usize,
}

struct Shared {
    at: usize,
    bytes: Bytes,
}

/// A place between two frames.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Bytes from the front.
    ahead: usize,
    /// The offset in `copied`.
    copied: usize,
    /// The index in `shared`.
    shared: usize,
}

/// A control frame before it is encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlFrame {
    pub(crate) head: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: ControlPayload,
}

/// What was taken back before it went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Frames of data: pings and pongs go before them, and are not taken back.
    pub frames: usize,
    /// Bytes, headers included.
    pub bytes: usize,
}

/// The most pongs that wait at a time, besides the newest.
pub(crate) const MAX_PONGS: usize = 32;

/// Memory kept for the next frames when everything went out.
const KEEP: usize = 64 << 10;

/// From this much on, what went out is removed from the front of `copied`.
const COMPACT_FROM: usize = 16 << 10;

impl Outbox {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Queues a frame whose payload is copied: a server's.
    #[inline]
    pub(crate) fn push_copied(&mut self, head: u8, payload: &[u8]) {
        let before = self.copied.len();
        self.copied.reserve(FrameHeader::MAX_LEN + payload.len());
        match u8::try_from(payload.len()) {
            Ok(len @ 0..126) => self.copied.extend_from_slice(&[head, len]),
            _ => self.push_header(head, None, payload.len()),
        }
        self.copied.extend_from_slice(payload);
        self.len += self.copied.len() - before;
    }

    /// Queues a frame whose payload is masked on the way: a client's.
    #[inline]
    pub(crate) fn push_masked(&mut self, head: u8, key: [u8; 4], payload: &[u8]) {
        let before = self.copied.len();
        self.copied.reserve(FrameHeader::MAX_LEN + payload.len());
        match (u8::try_from(payload.len()), key) {
            (Ok(len @ 0..126), [a, b, c, d]) => {
                self.copied.extend_from_slice(&[head, MASKED | len, a, b, c, d]);
            }
            _ => self.push_header(head, Some(key), payload.len()),
        }
        Mask::new(key).append(payload, &mut self.copied);
        self.len += self.copied.len() - before;
    }

    /// Queues a frame whose payload is shared: a server's.
    pub(crate) fn push_shared(&mut self, head: u8, payload: Bytes) {
        let before = self.copied.len();
        self.push_header(head, None, payload.len());
        self.len += self.copied.len() - before;
        self.push_whole(payload);
    }

    /// Queues bytes that are not looked into: a frame, or a frame's payload.
    pub(crate) fn push_whole(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.shared.push_back(Shared { at: self.copied.len(), bytes });
        }
    }

    /// Queues what comes before the first frame: the head of a handshake. It is never taken back.
    pub(crate) fn push_head(&mut self, head: Bytes) {
        self.push_whole(head);
        self.pass_frame();
    }

    /// Queues a frame of a dialect whose frames cannot be told apart here: nothing is ever put before it, and it is
    /// not taken back.
    #[cfg(feature = "hixie")]
    pub(crate) fn push_opaque(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.copied.extend_from_slice(piece);
            self.len += piece.len();
        }
        self.mark = Mark { ahead: self.len, copied: self.copied.len(), shared: self.shared.len() };
    }

    /// What was queued last is the Close.
    pub(crate) fn watch_last(&mut self) {
        self.watched_end = self.len;
    }

    /// What was inserted last is the ping.
    pub(crate) fn watch_inserted(&mut self) {
        self.watched_end = self.mark.ahead;
    }

    /// Whether the ping or the Close that is to be answered is still here.
    pub(crate) fn holds_watched(&self) -> bool {
        self.watched_end > 0
    }

    /// Queues a pong at the next place between two frames, or keeps it until some of the others went out.
    pub(crate) fn push_pong(&mut self, pong: ControlFrame) {
        if self.pongs >= MAX_PONGS {
            self.late_pong = Some(pong);
            return;
        }
        self.insert(pong);
        self.pongs += 1;
        self.pongs_end = self.mark.ahead;
    }

    /// Queues the pong that was too many: a Close is about to follow.
    pub(crate) fn settle_pongs(&mut self) {
        if let Some(pong) = self.late_pong.take() {
            self.insert(pong);
            self.pongs_end = self.mark.ahead;
        }
    }

    /// Queues a control frame at the next place between two frames behind what was shown.
    pub(crate) fn insert(&mut self, frame: ControlFrame) {
        self.pass_shown();
        let (before, place) = (self.len, self.mark.ahead);
        if self.mark.ahead == self.len {
            match frame.key {
                None => self.push_copied(frame.head, &frame.payload),
                Some(key) => self.push_masked(frame.head, key, &frame.payload),
            }
            self.mark.copied = self.copied.len();
        } else {
            let mut bytes = Vec::with_capacity(FrameHeader::MAX_LEN + frame.payload.len());
            let header = encode_header(frame.head, len_u64(frame.payload.len()), frame.key);
            bytes.extend_from_slice(header.as_ref());
            frame.key.map_or(Mask::NONE, Mask::new).append(&frame.payload, &mut bytes);
            self.len += bytes.len();
            let shared = Shared { at: self.mark.copied, bytes: bytes.into() };
            self.shared.insert(self.mark.shared, shared);
            self.mark.shared += 1;
        }
        self.mark.ahead += self.len - before;
        if place < self.watched_end {
            self.watched_end += self.len - before;
        }
    }

    /// Takes back every frame that was not shown and not begun.
    pub(crate) fn drop_unstarted(&mut self) -> Dropped {
        self.pass_shown();
        let kept = self.mark;
        let mut dropped = Dropped { frames: 0, bytes: self.len - kept.ahead };
        while self.mark.ahead < self.len {
            self.pass_frame();
            dropped.frames += 1;
        }
        self.mark = kept;
        self.copied.truncate(kept.copied);
        self.shared.truncate(kept.shared);
        self.len = kept.ahead;
        dropped
    }

    /// The first run of bytes.
    pub(crate) fn chunk(&self) -> &[u8] {
        // The short way: most output was copied.
        let run = match self.shared.is_empty() {
            true => self.copied.get(self.read..).unwrap_or_default(),
            false => self.first_run(),
        };
        self.show(run.len());
        run
    }

    #[inline(never)]
    fn first_run(&self) -> &[u8] {
        self.each_run(ControlFlow::Break).break_value().unwrap_or_default()
    }

    /// As many runs of bytes as there are places for; how many those were.
    #[cfg(feature = "std")]
    #[inline(never)]
    pub(crate) fn chunks_vectored<'a>(&'a self, into: &mut [std::io::IoSlice<'a>]) -> usize {
        let (mut slices, mut count, mut bytes) = (into.iter_mut(), 0, 0);
        let _ = self.each_run(|run| {
            let Some(slice) = slices.next() else { return ControlFlow::Break(()) };
            *slice = std::io::IoSlice::new(run);
            count += 1;
            bytes += run.len();
            ControlFlow::Continue(())
        });
        self.show(bytes);
        count
    }

    /// So many bytes have gone out; more than there are count as all.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        // The short way: most sockets take all that there is.
        if bytes >= self.len { self.clear() } else { self.advance_within(bytes) }
    }

    /// Fewer bytes have gone out than there are.
    #[inline(never)]
    fn advance_within(&mut self, bytes: usize) {
        while self.mark.ahead < bytes {
            self.pass_frame();
        }
        self.mark.ahead -= bytes;
        self.len -= bytes;
        self.shown = AtomicUsize::new(0);
        self.pass_bytes(bytes);
        if self.pongs_end <= bytes {
            self.pongs = 0;
        }
        self.pongs_end = self.pongs_end.saturating_sub(bytes);
        self.watched_end = self.watched_end.saturating_sub(bytes);
        self.compact();
        self.push_late_pong();
    }

    /// The first `len` bytes, gone out: without a copy if they are shared.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        let taken = match self.shared.front() {
            Some(front) if front.at == self.read && front.bytes.len() >= len => front.bytes.slice(..len),
            None if len == self.len => Bytes::from(core::mem::take(&mut self.copied)).slice(self.read..),
            _ => {
                let mut bytes = Vec::with_capacity(len);
                let _ = self.each_run(|run| {
                    let missing = len - bytes.len();
                    bytes.extend_from_slice(run.get(..missing).unwrap_or(run));
                    if bytes.len() < len { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
                bytes.into()
            }
        };
        self.advance(len);
        taken
    }

    /// Hands over the runs of bytes that lie together, one after the other, until told to stop.
    #[inline]
    fn each_run<'a, T>(&'a self, mut with: impl FnMut(&'a [u8]) -> ControlFlow<T>) -> ControlFlow<T> {
        let mut read = self.read;
        for shared in &self.shared {
            if let Some(copied @ [_, ..]) = self.copied.get(read..shared.at) {
                with(copied)?;
            }
            with(&shared.bytes)?;
            read = shared.at;
        }
        match self.copied.get(read..) {
            Some(copied @ [_, ..]) => with(copied),
            _ => ControlFlow::Continue(()),
        }
    }

    fn show(&self, bytes: usize) {
        let shown = self.shown.load(Ordering::Relaxed);
        self.shown.store(shown.max(bytes), Ordering::Relaxed);
    }

    /// Moves the mark behind what was shown.
    fn pass_shown(&mut self) {
        let shown = *self.shown.get_mut();
        while self.mark.ahead < shown {
            self.pass_frame();
        }
    }

    /// Moves the mark over the frame behind it.
    fn pass_frame(&mut self) {
        if self.pass_shared() {
            return;
        }
        let header = self.copied.get(self.mark.copied..).and_then(FrameHeader::decode);
        let Some((header, header_len)) = header else {
            // Nothing is behind the mark.
            self.mark.ahead = self.len;
            return;
        };
        self.mark.copied += header_len;
        self.mark.ahead += header_len;
        if header.payload_len > 0 && !self.pass_shared() {
            let payload_len = usize::try_from(header.payload_len).unwrap_or(self.len);
            self.mark.copied += payload_len;
            self.mark.ahead += payload_len;
        }
    }

    /// Moves the mark over what is shared at its place, if anything is.
    fn pass_shared(&mut self) -> bool {
        match self.shared.get(self.mark.shared) {
            Some(shared) if shared.at == self.mark.copied => {
                self.mark.ahead += shared.bytes.len();
                self.mark.shared += 1;
                true
            }
            _ => false,
        }
    }

    /// Removes bytes from the front, fewer than there are.
    fn pass_bytes(&mut self, mut bytes: usize) {
        while bytes > 0 {
            match self.shared.front_mut() {
                Some(front) if front.at == self.read => {
                    let len = bytes.min(front.bytes.len());
                    bytes -= len;
                    bytes::Buf::advance(&mut front.bytes, len);
                    if front.bytes.is_empty() {
                        self.shared.pop_front();
                        self.mark.shared -= 1;
                    }
                }
                front => {
                    let next = front.map_or(self.copied.len(), |front| front.at);
                    let len = bytes.min(next - self.read);
                    bytes -= len;
                    self.read += len;
                }
            }
        }
    }

    /// Gives the memory of what went out to what comes, at a cost that stays below one copy of each byte.
    fn compact(&mut self) {
        if self.read < COMPACT_FROM || self.read < self.copied.len() / 2 {
            return;
        }
        self.copied.drain(..self.read);
        self.mark.copied -= self.read;
        for shared in &mut self.shared {
            shared.at -= self.read;
        }
        self.read = 0;
    }

    fn clear(&mut self) {
        self.copied.clear();
        if self.copied.capacity() > KEEP {
            self.copied = Vec::new();
        }
        self.shared.clear();
        self.read = 0;
        self.len = 0;
        self.shown = AtomicUsize::new(0);
        self.mark = Mark::default();
        self.pongs = 0;
        self.pongs_end = 0;
        self.watched_end = 0;
        self.push_late_pong();
    }

    fn push_late_pong(&mut self) {
        if let Some(pong) = self.late_pong.take() {
            self.push_pong(pong);
        }
    }

    #[inline(never)]
    fn push_header(&mut self, head: u8, key: Option<[u8; 4]>, payload_len: usize) {
        put_header(head, len_u64(payload_len), key, |bytes| self.copied.extend_from_slice(bytes));
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes)", self.len)
    }
}

/// A length in memory as the wire counts it: no machine has longer ones.
#[inline]
fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
