//! An echo server for very many connections: one thread, one read buffer, epoll (or kqueue) by way of `mio`.
//!
//! `cargo run --release --example echo_epoll -- [--listen ADDR]`; raise `ulimit -n` for more than a thousand.
//!
//! Whenever a socket is readable, there is one read into the shared buffer, every message in it is answered, and the
//! answers leave in one write, however many they are. A connection owns no buffer: an idle one costs its slot here and
//! what the kernel keeps. Nothing more is read from a peer that does not take its answers.

mod peer;
mod wheel;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use peer::{Peer, Wish};
use sockless::{Config, Limits, Moment};
use wheel::Wheel;

const LISTENER: Token = Token(usize::MAX);

/// How long nobody is accepted when it could not be done.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections are read into.
const BUFFER: usize = 64 << 10;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--listen");
    let address = arguments.nth(1).unwrap_or_else(|| "127.0.0.1:9997".into());
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut server = Server::listen(address)?;
    println!("listening on ws://{}/", server.listener.local_addr()?);
    loop {
        server.turn()?;
    }
}

struct Server {
    poll: Poll,
    events: Option<Events>,
    listener: TcpListener,
    peers: Vec<Slot>,
    free: Vec<usize>,
    /// To be looked at again without an event: there was more to read than the buffer held.
    again: Vec<usize>,
    /// Nobody could be accepted.
    short: bool,
    wheel: Wheel,
    buffer: Vec<u8>,
    config: Arc<Config>,
    start: Instant,
    /// When the last wait was over: the clock is read once a turn.
    now: Moment,
}

/// A place for a peer. The wheel finds it by its index.
#[derive(Default)]
struct Slot {
    peer: Option<Peer>,
    /// The tick in which the wheel will come by; 0 if it will not.
    tick: u32,
}

impl Server {
    fn listen(address: SocketAddr) -> io::Result<Server> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Server {
            poll,
            events: Some(Events::with_capacity(1024)),
            listener,
            peers: Vec::new(),
            free: Vec::new(),
            again: Vec::new(),
            short: false,
            wheel: Wheel::new(),
            buffer: vec![0; BUFFER],
            // No answer is ever refused: the server stops reading long before that.
            config: Arc::new(Config::default().limits(Limits::for_messages(64 << 20)).high_water(usize::MAX)),
            start: Instant::now(),
            now: Moment::ORIGIN,
        })
    }

    /// Waits for events and deadlines once, and does what they ask for.
    fn turn(&mut self) -> io::Result<()> {
        let wait = match self.wheel.wait(self.now) {
            _ if !self.again.is_empty() => Some(Duration::ZERO),
            wait if self.short => Some(wait.unwrap_or(PAUSE).min(PAUSE)),
            wait => wait,
        };
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(1024));
        match self.poll.poll(&mut events, wait) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let now = Moment::from(self.start.elapsed());
        self.now = now;
        if self.short {
            self.accept(now);
        }
        for index in std::mem::take(&mut self.again) {
            self.serve(index, None, now);
        }
        for event in &events {
            match event.token() {
                LISTENER => self.accept(now),
                Token(index) => self.serve(index, Some(event), now),
            }
        }
        self.events = Some(events);
        while let Some((index, tick)) = self.wheel.due(now) {
            let slot = &mut self.peers[index];
            // An earlier entry was made since.
            if slot.tick != tick {
                continue;
            }
            slot.tick = 0;
            if let Some(peer) = &mut slot.peer {
                peer.handle_timeout(now);
                self.serve(index, None, now);
                self.schedule(index, now);
            }
        }
        Ok(())
    }

    fn accept(&mut self, now: Moment) {
        loop {
            let accepted = self.listener.accept();
            // Descriptors are short: an edge that was missed does not come again.
            self.short = matches!(&accepted, Err(error) if error.kind() != io::ErrorKind::WouldBlock);
            let Ok((mut stream, _)) = accepted else { return };
            let index = self.free.pop().unwrap_or_else(|| {
                self.peers.push(Slot::default());
                self.peers.len() - 1
            });
            // Registered once for both: an event comes when something changes, and no further system call is needed.
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(index), interest).is_ok() {
                let _ = stream.set_nodelay(true);
                self.peers[index].peer = Some(Peer::new(stream));
                self.schedule(index, now);
            } else {
                self.free.push(index);
            }
        }
    }

    /// Reads, answers and writes for one peer.
    fn serve(&mut self, index: usize, event: Option<&Event>, now: Moment) {
        let Some(peer) = self.peers.get_mut(index).and_then(|slot| slot.peer.as_mut()) else { return };
        if let Some(event) = event {
            peer.note(event);
        }
        match peer.serve(&mut self.buffer, &self.config) {
            Wish::Nothing => {}
            Wish::Again => self.again.push(index),
            Wish::Deadline => self.schedule(index, now),
            // Dropping the stream closes it and takes it out of the poll.
            Wish::Close => {
                self.peers[index].peer = None;
                self.free.push(index);
            }
        }
    }

    /// Has the wheel come by when the peer wants it to, or earlier: then it is asked again.
    fn schedule(&mut self, index: usize, now: Moment) {
        let slot = &mut self.peers[index];
        if let Some(due) = slot.peer.as_mut().and_then(|peer| peer.poll_timeout(now)) {
            let tick = self.wheel.tick(due);
            if slot.tick == 0 || tick < slot.tick {
                slot.tick = tick;
                self.wheel.insert(index, tick);
            }
        }
    }
}
