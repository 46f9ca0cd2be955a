use std::io::IoSlice;

use bytes::Buf;
use sockless::{Connection, End, Event, Moment, ProtocolError, Transport};

/// What a driver asks of a connection, whichever dialect it speaks.
pub trait Machine {
    fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError>;
    fn receive_eof(&mut self);
    fn queued(&self) -> usize;
    /// What `write` does with the output that waits, some of which it has written.
    fn output<T>(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T;
    fn advance(&mut self, written: usize);
    fn transport(&self) -> Transport;
    fn end(&mut self) -> Option<End>;
    fn poll_timeout(&mut self, now: Moment) -> Option<Moment>;
    fn handle_timeout(&mut self, now: Moment);
}

macro_rules! machine {
    ($connection:ty, $sender:ty) => {
        impl Machine for $connection {
            fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
                <$connection>::receive(self, input)
            }

            fn receive_eof(&mut self) {
                <$connection>::receive_eof(self);
            }

            fn queued(&self) -> usize {
                <$sender>::queued(self)
            }

            fn output<T>(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
                let mut slices = [IoSlice::new(&[]); 16];
                let output = <$sender>::output(self);
                let count = output.chunks_vectored(&mut slices);
                write(&slices[..count])
            }

            fn advance(&mut self, written: usize) {
                <$sender>::output(self).advance(written);
            }

            fn transport(&self) -> Transport {
                <$sender>::transport(self)
            }

            fn end(&mut self) -> Option<End> {
                <$sender>::end(self)
            }

            fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
                <$sender>::poll_timeout(self, now)
            }

            fn handle_timeout(&mut self, now: Moment) {
                <$sender>::handle_timeout(self, now);
            }
        }
    };
}

machine!(Connection, sockless::Sender);
#[cfg(feature = "hixie")]
machine!(sockless::hixie::Connection, sockless::hixie::Connection);
