use bytes::{Buf, Bytes};
use sockless::{Connection, End, Event, Moment, ProtocolError, Transport};

/// What a driver asks of a connection, whichever dialect it speaks.
pub trait Machine {
    fn receive<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError>;
    fn receive_eof(&mut self);
    fn has_room(&self) -> bool;
    fn queued(&self) -> usize;
    /// The output that waits, as much of it as is said at most: it counts as written.
    fn take(&mut self, most: usize) -> Bytes;
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

            fn has_room(&self) -> bool {
                <$sender>::has_room(self)
            }

            fn queued(&self) -> usize {
                <$sender>::queued(self)
            }

            fn take(&mut self, most: usize) -> Bytes {
                <$sender>::output(self).copy_to_bytes(most)
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
