//! ws-framer: its two framers over buffers of ours, the receiving one read into from the stream in memory. Its sending
//! one begins at the start of its buffer with every frame, so each has one of its own, behind the frames that wait. It
//! checks neither that a client masks nor that a length has its shortest form. It has no request parser for a server.

use std::io::Read;

use ws_framer::{WsFrame, WsRxFramer, WsTxFramer};

use super::BATCH;
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;
use crate::stream::Stream;

/// The longest header.
const HEADER: usize = 14;

pub fn build(row: &Row) -> Option<Run> {
    let (mut stream, _) = row.stream();
    let (messages, payload) = (row.messages, row.payload());
    // A message has to lie whole in the buffer, with what came behind it.
    let input = vec![0; row.size + row.read + HEADER].leak();
    let mut receiver = WsRxFramer::new(input);
    let mut output = Output::new(row);
    Some(match row.work {
        Work::Receive(_) | Work::Parts | Work::Fragments => Box::new(move |seen| {
            for _ in 0..messages {
                receive(&mut receiver, &mut stream, |payload| seen.see(payload));
            }
        }),
        Work::Echo => Box::new(move |seen| {
            for _ in 0..messages {
                receive(&mut receiver, &mut stream, |payload| output.send(payload, seen));
            }
            output.flush(seen);
        }),
        Work::Send | Work::Shared | Work::Masked => Box::new(move |seen| {
            for _ in 0..messages {
                output.send(&payload, seen);
            }
            output.flush(seen);
        }),
        Work::Handshake | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}

fn receive(receiver: &mut WsRxFramer<'_>, stream: &mut Stream, see: impl FnOnce(&[u8])) {
    loop {
        while let Some(frame) = receiver.next_frame() {
            match frame.expect("no fault") {
                WsFrame::Text(text) => return see(text.as_bytes()),
                WsFrame::Binary(data) => return see(data),
                _ => {}
            }
        }
        let len = stream.read(receiver.read_buf()).expect("memory");
        receiver.advance(len);
    }
}

/// Frames that wait.
struct Output {
    buffer: Vec<u8>,
    len: usize,
    masked: bool,
}

impl Output {
    fn new(row: &Row) -> Output {
        Output { buffer: vec![0; BATCH + row.size + HEADER], len: 0, masked: row.work == Work::Masked }
    }

    fn send(&mut self, payload: &[u8], seen: &mut Seen) {
        let mut sender = WsTxFramer::new(self.masked, &mut self.buffer[self.len..]);
        self.len += sender.binary(payload).expect("room").len();
        if self.len >= BATCH {
            self.flush(seen);
        }
    }

    fn flush(&mut self, seen: &mut Seen) {
        seen.see(&self.buffer[..self.len]);
        self.len = 0;
    }
}
