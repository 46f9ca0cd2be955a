use core::cell::RefCell;
use core::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::Wire;

/// Bytes on their way in one direction.
#[derive(Debug)]
pub struct Fifo<const N: usize>(RefCell<State<N>>);

#[derive(Debug)]
struct State<const N: usize> {
    bytes: [u8; N],
    start: usize,
    len: usize,
    ended: bool,
}

/// One end of a transport in memory, to try things on one thread.
///
/// What does not fit is lost: there is nobody to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Pipe<'a, const N: usize> {
    /// What comes.
    pub from: &'a Fifo<N>,
    /// What goes.
    pub to: &'a Fifo<N>,
}

impl<const N: usize> Fifo<N> {
    /// Nothing on its way.
    pub const fn new() -> Fifo<N> {
        Fifo(RefCell::new(State { bytes: [0; N], start: 0, len: 0, ended: false }))
    }
}

impl<const N: usize> Default for Fifo<N> {
    fn default() -> Fifo<N> {
        Fifo::new()
    }
}

impl<const N: usize> ErrorType for Pipe<'_, N> {
    type Error = Infallible;
}

impl<const N: usize> ReadReady for Pipe<'_, N> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let state = self.from.0.borrow();
        Ok(state.len > 0 || state.ended)
    }
}

impl<const N: usize> Read for Pipe<'_, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut state = self.from.0.borrow_mut();
        let len = buffer.len().min(state.len);
        for byte in buffer.iter_mut().take(len) {
            *byte = state.bytes.get(state.start).copied().unwrap_or_default();
            state.start = (state.start + 1) % N;
        }
        state.len -= len;
        Ok(len)
    }
}

impl<const N: usize> Write for Pipe<'_, N> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, Infallible> {
        let mut state = self.to.0.borrow_mut();
        for byte in buffer.iter().take(N - state.len) {
            let end = (state.start + state.len) % N;
            if let Some(place) = state.bytes.get_mut(end) {
                *place = *byte;
                state.len += 1;
            }
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<const N: usize> Wire for Pipe<'_, N> {
    fn shutdown_write(&mut self) -> Result<(), Infallible> {
        self.to.0.borrow_mut().ended = true;
        Ok(())
    }
}
