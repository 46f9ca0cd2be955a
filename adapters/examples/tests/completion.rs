//! The driver for owned buffers on a toy ring in memory, which takes and gives a few bytes at a time.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use sockless::{Cause, CloseCode, Config, Connection, Deadline, End, Event, Keys, Moment, Timeouts};
use sockless_drivers::completion::{Completion, Driver, Submission};
use sockless_drivers::echo;

/// One side's operations under way, and what its peer has sent.
struct Ring {
    driver: Driver,
    reading: Option<Vec<u8>>,
    writing: Option<Bytes>,
    timeout: Option<Moment>,
    incoming: VecDeque<u8>,
    /// The peer has ended its side, or the socket is closed.
    ended: bool,
    closed: bool,
    /// Whether this side has ended.
    shut: bool,
    /// The addresses of the buffers that were lent: a read buffer is one and the same for ever.
    buffer: *const u8,
}

fn at(millis: u64) -> Moment {
    Moment::from(Duration::from_millis(millis))
}

impl Ring {
    fn new(connection: Connection) -> Ring {
        let buffer = vec![0; 100];
        let address = buffer.as_ptr();
        Ring {
            driver: Driver::new(connection, buffer, Duration::from_secs(1)),
            reading: None,
            writing: None,
            timeout: None,
            incoming: VecDeque::new(),
            ended: false,
            closed: false,
            shut: false,
            buffer: address,
        }
    }

    fn submit(&mut self, now: Moment) {
        let (reading, writing, timeout) = (&mut self.reading, &mut self.writing, &mut self.timeout);
        let (closed, shut, address) = (&mut self.closed, &mut self.shut, self.buffer);
        self.driver.submit(now, |submission| match submission {
            Submission::Read(buffer) => {
                assert!(buffer.as_ptr() == address && buffer.len() == 100, "not the buffer that was given");
                assert!(reading.replace(buffer).is_none(), "two reads under way");
            }
            Submission::Write(bytes) => {
                assert!(!bytes.is_empty() && !*shut);
                assert!(writing.replace(bytes).is_none(), "two writes under way");
            }
            Submission::Timeout(due) => *timeout = Some(due),
            Submission::ShutdownWrite => {
                assert!(writing.is_none(), "shut down under a write");
                *shut = true;
            }
            Submission::Close => {
                assert!(!*closed);
                (*closed, *shut) = (true, true);
            }
        });
    }

    /// Completes what can be, and says whether there was anything. Of a write, `most` bytes go out.
    fn turn(
        &mut self,
        now: Moment,
        most: usize,
        out: &mut VecDeque<u8>,
        on_event: impl FnMut(&mut Connection, Event<'_>),
    ) -> bool {
        self.submit(now);
        let completion = if let Some(bytes) = self.writing.take_if(|_| self.closed || most > 0) {
            let result =
                if self.closed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(most.min(bytes.len())) };
            out.extend(&bytes[..*result.as_ref().unwrap_or(&0)]);
            Completion::Write(result, bytes)
        } else if let Some(mut buffer) =
            self.reading.take_if(|_| self.closed || self.ended || !self.incoming.is_empty())
        {
            let len = self.incoming.len().min(buffer.len()).min(7);
            self.incoming.copy_to_slice(&mut buffer[..len]);
            Completion::Read(Ok(len), buffer)
        } else if self.timeout.take_if(|due| *due <= now).is_some() {
            Completion::Timeout
        } else {
            return false;
        };
        self.driver.completed(completion, on_event);
        true
    }

    fn end(&mut self) -> Option<End> {
        let end = self.driver.end();
        assert!(end.is_none() || (self.reading.is_none() && self.writing.is_none()), "buffers still lent");
        end
    }
}

#[test]
fn messages_come_back_and_every_buffer_does() {
    for most in [1, 3, 1000, 1 << 20] {
        let mut client = Ring::new(Connection::client(Config::default(), Keys::from_seed([8; 32])));
        let mut server = Ring::new(Connection::server(Config::default()));
        client.driver.connection().text("hello").unwrap();
        client.driver.connection().binary(vec![7; 5000]).unwrap();
        let (mut back, mut ends) = (Vec::new(), (None, None));
        for now in 0.. {
            let on_event = |connection: &mut Connection, event: Event<'_>| {
                if let Event::Text { text, .. } = &event {
                    back.push(text.len());
                }
                if let Event::Binary { data, .. } = &event {
                    back.push(data.len());
                    connection.close(Some(CloseCode::NORMAL), "done").unwrap();
                }
            };
            // Time stands still: nothing here depends on it.
            let moved = client.turn(at(0), most, &mut server.incoming, on_event)
                | server.turn(at(0), most, &mut client.incoming, echo);
            (client.ended, server.ended) = (client.ended | server.shut, server.ended | client.shut);
            ends = (ends.0.or(client.end()), ends.1.or(server.end()));
            if ends.0.is_some() && ends.1.is_some() {
                break;
            }
            assert!(moved || now < 10 || client.closed || server.closed, "stuck");
            assert!(now < 100_000, "never ends");
        }
        assert_eq!(back, [5, 5000], "{most}");
        let (client, server) = (ends.0.unwrap(), ends.1.unwrap());
        assert!(client.was_clean && server.was_clean, "{client:?} {server:?}");
    }
}

/// Ends of a server whose client does nothing: takes so many bytes of each write.
fn silent(timeouts: Timeouts, message: usize) -> End {
    let mut server = Ring::new(Connection::server(Config::default().timeouts(timeouts)));
    if message > 0 {
        server.driver.connection().binary(vec![1; message]).unwrap();
    }
    for now in 0..10_000 {
        server.turn(at(now), usize::from(message == 0), &mut VecDeque::new(), |_, _| ());
        if let Some(end) = server.end() {
            return end;
        }
    }
    panic!("never ends");
}

#[test]
fn deadlines() {
    let short = Some(Duration::from_millis(100));
    let end = silent(Timeouts { ping_interval: short, pong: short, ..Timeouts::NONE }, 0);
    assert_eq!(end.cause, Cause::TimedOut(Deadline::Pong));
    // What a write under way holds is no longer queued, so its deadline is the driver's.
    let end = silent(Timeouts::NONE, 1000);
    assert_eq!(end.cause, Cause::TransportEnded);
}

/// What was handed to a write counts as written for the connection, and was not.
#[test]
fn an_end_whose_close_was_not_written_is_not_clean() {
    let asked = b"\x88\x80\0\0\0\0";
    for written in [2, 1, 0] {
        let mut server = Ring::new(Connection::server(Config::default()));
        server.incoming.extend(asked);
        while server.writing.is_none() {
            assert!(server.turn(at(0), 0, &mut VecDeque::new(), |_, _| {}));
            server.submit(at(0));
        }
        if written > 0 {
            server.turn(at(0), written, &mut VecDeque::new(), |_, _| {});
        }
        // The peer goes, and takes no more of it: a write has a second.
        server.ended = true;
        for now in [0, 2000] {
            while server.turn(at(now), 0, &mut VecDeque::new(), |_, _| {}) {}
        }
        assert_eq!(server.end().unwrap().was_clean, written == 2, "{written}");
    }
}

/// It can be read again at once, for ever, while a Close waits to be written.
#[test]
fn an_end_is_read_once() {
    let mut server = Ring::new(Connection::server(Config::default()));
    // More than one write takes.
    server.driver.connection().binary(vec![7; 5000]).unwrap();
    server.incoming.extend(b"\x88\x80\0\0\0\0");
    server.ended = true;
    let mut out = VecDeque::new();
    let turns = (0..100).take_while(|_| server.turn(at(0), 0, &mut out, |_, _| {})).count();
    assert_eq!((turns, server.end(), out.len()), (2, None, 0), "the Close, and the end");
    while server.turn(at(0), 1, &mut out, |_, _| {}) {}
    assert_eq!((out.len(), out.make_contiguous().last_chunk()), (4 + 5000 + 2, Some(b"\x88\x00")));
    assert!(server.end().unwrap().was_clean);
}

/// It is not asked for more, so what it says is not heard.
#[test]
fn who_reads_slowly_is_not_silent() {
    let wait = Some(Duration::from_millis(100));
    let timeouts = Timeouts { ping_interval: wait, pong: wait, ..Timeouts::NONE };
    let mut server = Ring::new(Connection::server(Config::default().timeouts(timeouts)));
    for _ in 0..5 {
        server.driver.connection().binary(vec![7; 100_000]).unwrap();
    }
    for now in (0..3000).step_by(10) {
        server.turn(at(now), 1000, &mut VecDeque::new(), |_, _| {});
        assert_eq!(server.end(), None, "{now}");
    }
}

#[test]
fn a_large_payload_is_written_without_a_copy() {
    let payload = Bytes::from(vec![7; 50_000]);
    let mut connection = Connection::server(Config::default());
    connection.binary(payload.clone()).unwrap();
    let mut driver = Driver::new(connection, vec![0; 100], Duration::from_secs(1));
    let mut shared = false;
    for _ in 0..3 {
        let mut written = None;
        driver.submit(at(0), |submission| {
            if let Submission::Write(bytes) = submission {
                written = Some(bytes);
            }
        });
        let Some(bytes) = written else { break };
        shared |= payload.as_ptr_range().contains(&bytes.as_ptr());
        driver.completed(Completion::Write(Ok(bytes.len()), bytes), |_, _| ());
    }
    assert!(shared);
}
