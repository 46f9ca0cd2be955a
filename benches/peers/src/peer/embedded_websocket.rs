//! embedded-websocket: its `WebSocket` from and to slices of ours, since its `Framer` gives up where a read ends in a
//! header; text is judged as there. It has no request parser: httparse is put before it. Of a frame it checks that the
//! opcode is known, and that there is something to be continued; of a request, the field `Upgrade`. A fragment that is
//! not the last has to lie whole in a read: it has no row for them.

use std::io::Read;

use embedded_websocket::{
    Client, Error, WebSocket, WebSocketClient, WebSocketReceiveMessageType, WebSocketSendMessageType,
    WebSocketServer, WebSocketState, WebSocketType, read_http_header,
};
use rand::RngCore;

use super::BATCH;
use crate::Run;
use crate::rows::{Row, Work};
use crate::seen::Seen;
use crate::stream::Stream;

/// The longest header.
const HEADER: usize = 14;

pub fn build(row: &Row) -> Option<Run> {
    let (messages, payload) = (row.messages, row.payload());
    let (mut input, mut output) = (Input::new(row), Output::new(row));
    let mut server = WebSocketServer::new_server();
    server.state = WebSocketState::Open;
    Some(match row.work {
        Work::Receive(_) => Box::new(move |seen| {
            for _ in 0..messages {
                seen.see(input.message(&mut server));
            }
        }),
        Work::Parts => Box::new(move |seen| {
            for _ in 0..messages {
                let mut part = Part { len: 0, text: false, last: false };
                while !part.last {
                    part = input.part(&mut server, 0);
                    seen.see(&input.payload[..part.len]);
                }
            }
        }),
        Work::Echo => Box::new(move |seen| {
            for _ in 0..messages {
                let message = input.message(&mut server);
                output.send(&mut server, message, seen);
            }
            output.flush(seen);
        }),
        Work::Send | Work::Shared => Box::new(move |seen| {
            for _ in 0..messages {
                output.send(&mut server, &payload, seen);
            }
            output.flush(seen);
        }),
        Work::Masked => {
            let mut client: WebSocketClient<_> = WebSocket::<_, Client>::new_client(rand::thread_rng());
            client.state = WebSocketState::Open;
            Box::new(move |seen| {
                for _ in 0..messages {
                    output.send(&mut client, &payload, seen);
                }
                output.flush(seen);
            })
        }
        Work::Handshake => Box::new(move |seen| {
            input.fill();
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut fields);
            let head = request.parse(&input.buffer[..input.end]).expect("no fault");
            let fields = request.headers.iter().map(|field| (field.name, field.value));
            let context = read_http_header(fields).expect("no fault").expect("a WebSocket");
            let mut response = [0; 256];
            let mut server = WebSocketServer::new_server();
            let len = server.server_accept(&context.sec_websocket_key, None, &mut response).expect("room");
            seen.see(&response[..len]);
            input.start = head.unwrap();
        }),
        Work::Fragments | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}

/// What was read, and the payload of a message.
struct Input {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    payload: Vec<u8>,
}

struct Part {
    len: usize,
    text: bool,
    last: bool,
}

impl Input {
    fn new(row: &Row) -> Input {
        let (stream, _) = row.stream();
        Input { stream, buffer: vec![0; row.read + HEADER], start: 0, end: 0, payload: vec![0; row.size] }
    }

    fn message(&mut self, server: &mut WebSocketServer) -> &[u8] {
        let mut len = 0;
        loop {
            let part = self.part(server, len);
            len += part.len;
            if part.last {
                let message = &self.payload[..len];
                if part.text {
                    std::str::from_utf8(message).expect("UTF-8");
                }
                return message;
            }
        }
    }

    /// What there is of a message, its payload at `at`.
    fn part(&mut self, server: &mut WebSocketServer, at: usize) -> Part {
        if self.start == self.end {
            self.fill();
        }
        loop {
            match server.read(&self.buffer[self.start..self.end], &mut self.payload[at..]) {
                Ok(read) => {
                    self.start += read.len_from;
                    let text = read.message_type == WebSocketReceiveMessageType::Text;
                    return Part { len: read.len_to, text, last: read.end_of_message };
                }
                Err(Error::ReadFrameIncomplete) => self.fill(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// One read, behind what is left of the last.
    fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        self.end += self.stream.read(&mut self.buffer[self.end..]).expect("memory");
    }
}

/// Frames that wait.
struct Output {
    buffer: Vec<u8>,
    len: usize,
}

impl Output {
    fn new(row: &Row) -> Output {
        Output { buffer: vec![0; BATCH + row.size + HEADER], len: 0 }
    }

    fn send<R: RngCore, T: WebSocketType>(
        &mut self,
        socket: &mut WebSocket<R, T>,
        payload: &[u8],
        seen: &mut Seen,
    ) {
        let free = &mut self.buffer[self.len..];
        self.len += socket.write(WebSocketSendMessageType::Binary, true, payload, free).expect("room");
        if self.len >= BATCH {
            self.flush(seen);
        }
    }

    fn flush(&mut self, seen: &mut Seen) {
        seen.see(&self.buffer[..self.len]);
        self.len = 0;
    }
}
