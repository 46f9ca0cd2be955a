//! The rows of the target table: what is done, with how many bytes, and how it has to compare.

use crate::deflate;
use crate::stream::{Stream, Tap};
use crate::wire::{self, Kind, READ};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Messages, whole.
    Receive(Kind),
    /// One message as it comes.
    Parts,
    /// One message in 64 fragments with pings between, as it comes.
    Fragments,
    /// Frames of a server, the payload copied.
    Send,
    /// Frames of a server, the payload shared.
    Shared,
    /// Frames of a client.
    Masked,
    /// Messages received and sent back.
    Echo,
    /// A request answered.
    Handshake,
    /// Texts that came compressed at this level, with takeover.
    Inflate(u8),
    /// Texts of a server, compressed at this level, with takeover.
    Compress(u8),
}

#[derive(Clone)]
pub struct Row {
    pub name: &'static str,
    pub work: Work,
    pub size: usize,
    pub messages: usize,
    /// The most bytes of one read.
    pub read: usize,
    /// Nanoseconds on the machine that the targets were set on: the target, the best peer, the floor.
    target: f64,
    best: Option<f64>,
    floor: Option<f64>,
}

pub fn rows() -> Vec<Row> {
    use Kind::{Ascii, Binary, Cjk};
    use Work::*;
    const K: usize = 1 << 10;
    let row = |name, work, size, target: f64, best: f64, floor: f64| {
        let messages = match work {
            Shared => 256,
            Parts | Fragments | Handshake => 1,
            Inflate(_) | Compress(_) => 4 * wire::count(size),
            _ => wire::count(size),
        };
        let known = |time: f64| (time > 0.0).then_some(time);
        // A message of 16 KiB lies whole in its read.
        let read = if size == READ { READ + 8 } else { READ };
        Row { name, work, size, messages, read, target, best: known(best), floor: known(floor) }
    };
    let single =
        Row { read: 16 + 6, ..row("receive one per read 16", Receive(Binary), 16, 13.0, 28.0, 11.0) };
    vec![
        row("receive binary 16", Receive(Binary), 16, 9.0, 21.0, 4.2),
        row("receive binary 125", Receive(Binary), 125, 12.0, 26.0, 6.3),
        row("receive binary 1k", Receive(Binary), K, 32.0, 57.0, 27.0),
        row("receive binary 16k", Receive(Binary), 16 * K, 400.0, 410.0, 353.0),
        row("receive parts 1m", Parts, K * K, 34e3, 33.5e3, 33.3e3),
        // At most 1.2 of the parts' target.
        row("receive whole 1m", Receive(Binary), K * K, 40.8e3, 0.0, 0.0),
        single,
        row("receive ascii 16", Receive(Ascii), 16, 13.0, 30.0, 12.3),
        row("receive ascii 1k", Receive(Ascii), K, 42.0, 69.0, 36.5),
        row("receive ascii 16k", Receive(Ascii), 16 * K, 530.0, 579.0, 482.0),
        row("receive cjk 16", Receive(Cjk), 16, 18.0, 34.0, 16.5),
        row("receive cjk 1k", Receive(Cjk), K, 95.0, 115.0, 85.0),
        row("receive cjk 16k", Receive(Cjk), 16 * K, 1300.0, 1338.0, 1236.0),
        row("send copied 16", Send, 16, 5.0, 6.0, 3.8),
        row("send copied 1k", Send, K, 14.0, 16.0, 12.8),
        row("send shared 1k", Shared, K, 22.0, 22.0, 0.0),
        row("send shared 16k", Shared, 16 * K, 22.0, 22.0, 0.0),
        row("send shared 1m", Shared, K * K, 22.0, 22.0, 0.0),
        row("send masked 16", Masked, 16, 8.0, 6.5, 4.1),
        row("send masked 1k", Masked, K, 16.0, 24.5, 12.3),
        row("send masked 16k", Masked, 16 * K, 200.0, 239.0, 163.0),
        row("echo 16", Echo, 16, 12.0, 32.0, 8.7),
        row("echo 125", Echo, 125, 17.0, 39.0, 12.9),
        row("echo 1k", Echo, K, 48.0, 82.0, 45.0),
        row("echo 16k", Echo, 16 * K, 560.0, 576.0, 700.0),
        row("fragments 1m", Fragments, K * K, 55e3, 56.2e3, 55e3),
        row("handshake 525", Handshake, 525, 440.0, 674.0, 424.0),
        // Not slower than the best.
        row("inflate 1k level 1", Inflate(1), K, 1.0, 1.0, 0.0),
        row("inflate 1k level 6", Inflate(6), K, 1.0, 1.0, 0.0),
        row("inflate 64k level 1", Inflate(1), 64 * K, 1.0, 1.0, 0.0),
        row("inflate 64k level 6", Inflate(6), 64 * K, 1.0, 1.0, 0.0),
        row("compress 1k level 1", Compress(1), K, 1.0, 1.0, 0.0),
        row("compress 1k level 6", Compress(6), K, 1.0, 1.0, 0.0),
        row("compress 64k level 1", Compress(1), 64 * K, 1.0, 1.0, 0.0),
        row("compress 64k level 6", Compress(6), 64 * K, 1.0, 1.0, 0.0),
    ]
}

impl Row {
    /// The target in nanoseconds, where it is more than not to be slower than the best.
    pub fn most(&self) -> Option<f64> {
        (!matches!(self.work, Work::Inflate(_) | Work::Compress(_))).then_some(self.target)
    }

    /// The most that the target allows beside the best peer, and beside the floor.
    pub fn best_ratio(&self) -> Option<f64> {
        Some(self.target / self.best?)
    }

    pub fn floor_ratio(&self) -> Option<f64> {
        Some(self.target / self.floor?)
    }

    /// What the other end has sent.
    pub fn wire(&self) -> Vec<u8> {
        match self.work {
            Work::Receive(kind) => wire::messages(kind, self.size, self.messages),
            Work::Echo => wire::messages(Kind::Binary, self.size, self.messages),
            Work::Parts => wire::messages(Kind::Binary, self.size, 1),
            Work::Fragments => wire::fragmented(self.size, 64, true),
            Work::Handshake => wire::request(),
            Work::Inflate(level) => deflate::masked_messages(&self.texts(), level),
            Work::Send | Work::Shared | Work::Masked | Work::Compress(_) => Vec::new(),
        }
    }

    /// The same as a stream.
    pub fn stream(&self) -> (Stream, Tap) {
        Stream::endless(self.wire(), self.read)
    }

    pub fn is_text(&self) -> bool {
        matches!(self.work, Work::Receive(Kind::Ascii | Kind::Cjk))
    }

    /// What is compressed.
    pub fn texts(&self) -> Vec<String> {
        (0..self.messages).map(|index| deflate::json(self.size, index)).collect()
    }

    /// One message.
    pub fn payload(&self) -> Vec<u8> {
        match self.work {
            Work::Receive(kind) => wire::payload(kind, self.size),
            _ => wire::payload(Kind::Binary, self.size),
        }
    }

    /// Whether this is what had to be seen.
    pub fn check(&self, seen: &[u8]) -> Result<(), String> {
        let right = match self.work {
            Work::Receive(_) | Work::Parts | Work::Fragments => seen == self.payload().repeat(self.messages),
            Work::Inflate(_) => seen == self.texts().concat().as_bytes(),
            Work::Compress(_) => deflate::inflated(seen)? == self.texts(),
            Work::Send | Work::Shared | Work::Echo | Work::Masked => {
                return self.check_frames(seen);
            }
            Work::Handshake => {
                let text = String::from_utf8_lossy(seen).to_lowercase();
                text.starts_with("http/1.1 101 ")
                    && text.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n")
            }
        };
        if right { Ok(()) } else { Err(format!("{} bytes were seen, not the right ones", seen.len())) }
    }

    fn check_frames(&self, mut seen: &[u8]) -> Result<(), String> {
        let masked = self.work == Work::Masked;
        let mut keys = std::collections::HashSet::new();
        for index in 0..self.messages {
            let key = masked.then(|| seen.get(key_place(self.size)).and_then(|key| key.try_into().ok()));
            let key: Option<[u8; 4]> = match key {
                Some(None) => return Err(format!("frame {index} is missing")),
                Some(key) => key,
                None => None,
            };
            keys.extend(key);
            let mut frame = Vec::new();
            wire::frame(&mut frame, 0x82, key, &self.payload());
            seen = seen.strip_prefix(&frame[..]).ok_or(format!("frame {index} is another"))?;
        }
        if masked && keys.len() + 2 < self.messages {
            return Err("the keys are not fresh".into());
        }
        if seen.is_empty() { Ok(()) } else { Err(format!("{} bytes too many", seen.len())) }
    }
}

fn key_place(size: usize) -> std::ops::Range<usize> {
    match size {
        0..126 => 2..6,
        126..=0xffff => 4..8,
        _ => 10..14,
    }
}
