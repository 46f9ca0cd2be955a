use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{RENEW_FROM, TAIL};
use crate::Arc;
use crate::handshake::WindowBits;

/// Inflates the messages of one direction.
///
/// The output goes through a ring, which so holds the window: the engine stops for good at a final block and gives its
/// own window to nobody, but the blocks behind it may refer back to before it (RFC 7692 §7.2.3).
pub(crate) struct Inflater {
    engine: Inflate,
    ring: Vec<u8>,
    /// The bytes of output that must not be forgotten.
    window: usize,
    /// Where the next byte goes, and where the run of output in progress has to end.
    at: usize,
    end: usize,
    /// Where the last lap ended: what lies behind `at` up to there is older.
    lap: usize,
    /// Bytes were taken since the last boundary between two blocks that is known of.
    inside: bool,
    /// A place in the pool that this was borrowed from.
    pub(super) permit: Option<Arc<()>>,
}

/// The data is no DEFLATE.
pub(crate) struct Corrupt;

/// What a ring begins with.
const LEAST_RING: usize = 8 << 10;

impl Inflater {
    /// One with an empty window, which will grow to this size.
    ///
    /// The engine itself is always ready for the largest one.
    pub(crate) fn new(window: WindowBits) -> Inflater {
        Inflater {
            engine: Inflate::new(false, WindowBits::MAX.value()),
            ring: vec![0; LEAST_RING],
            window: window.bytes(),
            at: 0,
            end: 0,
            lap: 0,
            inside: false,
            permit: None,
        }
    }

    /// Empties the window, which will grow to this size.
    pub(crate) fn restart(&mut self, window: WindowBits) {
        self.engine.reset(false);
        self.window = window.bytes();
        self.at = 0;
        self.end = 0;
        self.lap = 0;
        self.inside = false;
    }

    /// Fills the window, which is empty.
    pub(crate) fn restore(&mut self, window: &[u8]) -> Result<(), Corrupt> {
        self.ring.resize(self.ring.len().max(window.len().next_power_of_two()), 0);
        for (to, from) in self.ring.iter_mut().zip(window) {
            *to = *from;
            self.at += 1;
        }
        self.rejoin()
    }

    /// The window: the last bytes of output, as many as were agreed.
    pub(crate) fn window(&self) -> Vec<u8> {
        history(&self.ring, self.at, self.lap, self.window).concat()
    }

    /// Begins a run of output of `most` bytes or less, one at least, and says where it begins.
    ///
    /// Behind `assembled` bytes of a message that is put together: for a long one the ring gets longer than the window,
    /// as the engine is slow where a run repeats what lies before its own beginning.
    pub(crate) fn begin_run(&mut self, assembled: u64, most: usize) -> usize {
        let len = self.ring.len();
        let is_short = u64::try_from(len).is_ok_and(|len| len <= assembled);
        if self.at == len && (len < self.window || is_short && len <= self.window.max(LEAST_RING)) {
            self.ring.resize(2 * len, 0);
        } else if self.at == len || self.at >= self.window && assembled == 0 {
            self.lap = self.at;
            self.at = 0;
        }
        self.end = self.ring.len().min(self.at.saturating_add(most.max(1)));
        self.at
    }

    /// Whether the run is at its end: there may be more to come without any input.
    pub(crate) fn is_full(&self) -> bool {
        self.at == self.end
    }

    /// The output since the run's beginning.
    pub(crate) fn run(&self, start: usize) -> &[u8] {
        self.ring.get(start..self.at).unwrap_or_default()
    }

    /// Inflates and says how many bytes of `input` that took: all, unless the run is full.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<usize, Corrupt> {
        let mut rest = input;
        loop {
            let (status, read) = self.step(rest, InflateFlush::NoFlush)?;
            rest = rest.get(read..).unwrap_or_default();
            if status != Status::StreamEnd {
                return Ok(input.len() - rest.len());
            }
            self.rejoin()?;
            if rest.is_empty() || self.is_full() {
                return Ok(input.len() - rest.len());
            }
        }
    }

    /// Inflates the tail that the sender left off, behind which a message has to be at the end of a block. The run is
    /// not to be full.
    ///
    /// A message that ends with a final block, or without any byte, is at such an end already: the tail would begin
    /// another block. The tail is an empty block, so what it gives any output to was torn before; that output, of
    /// which there is as much as the run has room for, is nobody's.
    pub(crate) fn finish(&mut self) -> Result<(), Corrupt> {
        if !self.inside {
            return Ok(());
        }
        let torn = self.at;
        let ended = self.end_block();
        if self.at != torn {
            self.at = torn;
            return Err(Corrupt);
        }
        ended?;
        self.inside = false;
        if self.engine.total_in() >= RENEW_FROM { self.rejoin() } else { Ok(()) }
    }

    /// Inflates the tail, behind which there is to be the end of a block.
    fn end_block(&mut self) -> Result<(), Corrupt> {
        // Told to, the engine stops between two blocks; elsewhere it goes on and takes the byte behind the tail.
        const PROBE: [u8; 5] = [TAIL[0], TAIL[1], TAIL[2], TAIL[3], 0];
        let mut rest = &PROBE[..];
        while rest.len() > 1 && !self.is_full() {
            let (status, read) = self.step(rest, InflateFlush::Block)?;
            rest = rest.get(read..).unwrap_or_default();
            if status == Status::StreamEnd {
                self.rejoin()?;
            }
        }
        if rest.is_empty() { Err(Corrupt) } else { Ok(()) }
    }

    fn step(&mut self, input: &[u8], flush: InflateFlush) -> Result<(Status, usize), Corrupt> {
        let room = self.ring.get_mut(self.at..self.end).unwrap_or_default();
        let before = (self.engine.total_in(), self.engine.total_out());
        let status = self.engine.decompress(input, room, flush);
        let read = usize::try_from(self.engine.total_in() - before.0).unwrap_or(input.len());
        self.at += usize::try_from(self.engine.total_out() - before.1).unwrap_or_default();
        self.inside |= read > 0;
        status.map(|status| (status, read)).map_err(|_| Corrupt)
    }

    /// Begins a new stream with the window of the last one.
    #[cold]
    fn rejoin(&mut self) -> Result<(), Corrupt> {
        self.engine.reset(false);
        self.inside = false;
        for part in history(&self.ring, self.at, self.lap, self.window) {
            if !part.is_empty() {
                self.engine.set_dictionary(part).map_err(|_| Corrupt)?;
            }
        }
        Ok(())
    }
}

/// The last output that a ring holds, in order: as much as the window has, however the ring is laid out.
fn history(ring: &[u8], at: usize, lap: usize, window: usize) -> [&[u8]; 2] {
    let newer = ring.get(at.saturating_sub(window)..at).unwrap_or_default();
    let older = ring.get(at..lap).unwrap_or_default();
    let surplus = older.len().saturating_sub(window - newer.len());
    [older.get(surplus..).unwrap_or_default(), newer]
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inflater({} bytes)", self.ring.len())
    }
}
