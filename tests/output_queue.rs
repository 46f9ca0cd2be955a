//! The output queue under any order of calls: frames stay whole and in order, what was shown stays where it is.
#![cfg(feature = "std")]

mod support;

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use sockless::{Config, Connection, Event, Prepared, Role};
use support::run::Cuts;
use support::subject::{ROLES, connection, drain, frames, from_peer};
use support::wire::Frame;

#[derive(Default)]
struct Wire {
    /// All that went out.
    out: Vec<u8>,
    /// What has been shown of what goes next.
    shown: Vec<u8>,
}

impl Wire {
    fn show(&mut self, bytes: &[u8]) {
        let common = bytes.len().min(self.shown.len());
        assert_eq!(bytes[..common], self.shown[..common], "what was shown has changed");
        if bytes.len() > common {
            self.shown = bytes.to_vec();
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.show(bytes);
        self.out.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.shown.clear();
        }
    }
}

/// What so many slices show.
fn shown<const N: usize>(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    let mut slices = [IoSlice::new(&[]); N];
    let count = output.chunks_vectored(&mut slices);
    slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
}

fn play(role: Role, seed: u64) {
    let mut dice = Cuts(seed);
    let most = [7, 1500, 1 << 20][(seed % 3) as usize];
    let mut connection = connection(role, Config::default().fragment(most).high_water(20_000));
    let mut wire = Wire::default();
    let (mut messages, mut pings) = (vec![], 0_u32);
    for number in 0..60_u8 {
        let len = [0, 3, 130, 1023, 1024, 4000][(dice.next() % 6) as usize];
        let data = vec![number; len];
        match dice.next() % 10 {
            0..=3 => {
                let sent = match dice.next() % 4 {
                    0 => connection.binary(&data).is_ok(),
                    1 => connection.binary(data.clone()).is_ok(),
                    2 => connection.binary(Bytes::from(data.clone())).is_ok(),
                    _ => connection.prepared(&Prepared::binary(&data)).is_ok(),
                };
                if sent {
                    messages.push(data);
                }
            }
            4 | 5 => {
                pings += 1;
                let mut ping = from_peer(role, 0x89, &pings.to_be_bytes());
                assert!(connection.receive(&mut &mut ping[..]).is_ok());
            }
            6 => wire.show(connection.output().chunk()),
            7 => wire.show(&shown::<3>(&mut connection)),
            8 => {
                let shown = shown::<64>(&mut connection);
                wire.show(&shown);
                let len = shown.len().min((dice.next() % 3000) as usize);
                let before = connection.queued();
                connection.output().advance(len);
                assert_eq!(connection.queued(), before - len);
                wire.take(&shown[..len]);
            }
            _ => {
                let len = (dice.next() % 3000) as usize;
                let before = connection.queued();
                let taken = connection.output().copy_to_bytes(len);
                assert_eq!((taken.len(), connection.queued()), (len.min(before), before - taken.len()));
                wire.take(&taken);
            }
        }
    }
    connection.close(None, "").unwrap();
    let rest = drain(&mut connection);
    wire.take(&rest);
    let frames = frames(role, &wire.out);
    assert_eq!(joined(&frames), messages, "{role:?} {seed}");
    let pongs: Vec<_> = frames.iter().filter(|frame| frame.opcode == 0xa).collect();
    let numbers = |frame: &&Frame| u32::from_be_bytes(frame.payload[..].try_into().unwrap());
    // Fewer than 32 wait at a time here: every ping is answered.
    assert_eq!(pongs.iter().map(numbers).collect::<Vec<_>>(), (1..=pings).collect::<Vec<_>>());
    assert_eq!(frames.last(), Some(&Frame::close(None)), "a Close is the last");
}

fn joined(frames: &[Frame]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = vec![];
    let mut whole = true;
    for frame in frames.iter().filter(|frame| frame.opcode < 8) {
        assert_eq!(frame.opcode, if whole { 2 } else { 0 });
        whole = frame.fin;
        match frame.opcode {
            2 => messages.push(frame.payload.clone()),
            _ => messages.last_mut().unwrap().extend_from_slice(&frame.payload),
        }
    }
    assert!(whole);
    messages
}

#[test]
fn in_any_order_of_calls_frames_are_whole_and_in_order_and_shown_bytes_stay() {
    for seed in 0..600 {
        for role in ROLES {
            play(role, seed);
        }
    }
}

#[test]
fn copy_to_bytes_shares_what_is_shared() {
    let mut connection = connection(Role::Server, Config::default());
    let data = Bytes::from(vec![5; 4096]);
    connection.binary(data.clone()).unwrap();
    let header = connection.output().copy_to_bytes(4);
    assert_eq!(&header[..], b"\x82\x7e\x10\x00");
    let half = connection.output().copy_to_bytes(2048);
    assert_eq!((half.as_ptr(), half.len()), (data.as_ptr(), 2048));
    let rest = connection.output().copy_to_bytes(usize::MAX);
    assert_eq!((rest.as_ptr(), rest.len()), (data[2048..].as_ptr(), 2048));
    assert_eq!(connection.queued(), 0);
    assert!(connection.output().copy_to_bytes(1).is_empty());

    // What was given is not copied either, and what was prepared is the same for everyone.
    let vec = vec![6; 4096];
    let pointer = vec.as_ptr();
    connection.binary(vec).unwrap();
    connection.output().advance(4);
    assert_eq!(connection.output().chunk().as_ptr(), pointer);
    connection.output().advance(4096);
    let news = Prepared::binary(&[7; 4096]);
    connection.prepared(&news).unwrap();
    let mut other = support::subject::connection(Role::Server, Config::default());
    other.prepared(&news).unwrap();
    assert_eq!(connection.output().chunk().as_ptr(), other.output().chunk().as_ptr());

    // Nor is the queue if it goes as a whole.
    other.output().advance(usize::MAX);
    other.text("copied").unwrap();
    let pointer = other.output().chunk().as_ptr();
    let all = other.output().copy_to_bytes(usize::MAX);
    assert_eq!((&all[..], all.as_ptr()), (&b"\x81\x06copied"[..], pointer));
}

/// Many short frames leave in one write, while long payloads are shared.
#[test]
fn what_is_shorter_than_1024_bytes_lies_with_its_neighbours() {
    let lens = |queue: &dyn Fn(&mut Connection)| {
        let mut connection = connection(Role::Server, Config::default());
        connection.text("").unwrap();
        queue(&mut connection);
        connection.text("").unwrap();
        let mut lens = vec![];
        while connection.queued() > 0 {
            let len = connection.output().chunk().len();
            lens.push(len);
            connection.output().advance(len);
        }
        lens
    };
    assert_eq!(lens(&|connection| connection.binary(vec![1; 1023]).unwrap()), [2 + 4 + 1023 + 2]);
    assert_eq!(lens(&|connection| connection.binary(vec![1; 1024]).unwrap()), [2 + 4, 1024, 2]);
    // What was framed beforehand has its header with it.
    let prepared = |len| lens(&|connection| connection.prepared(&Prepared::binary(vec![1; len])).unwrap());
    assert_eq!(prepared(1019), [2 + 4 + 1019 + 2]);
    assert_eq!(prepared(1020), [2, 4 + 1020, 2]);
}

#[test]
fn control_frames_go_before_all_that_nobody_has_seen() {
    let mut connection = connection(Role::Server, Config::default());
    connection.text("a").unwrap();
    connection.text("b").unwrap();
    connection.output().advance(3);
    connection.ping(b"").unwrap();
    assert_eq!(drain(&mut connection), b"\x89\0\x81\x01b");
}

#[test]
fn frames_are_counted_that_are_taken_back() {
    let mut connection = connection(Role::Server, Config::default());
    connection.text("").unwrap();
    connection.prepared(&Prepared::binary(&[7; 4096])).unwrap();
    connection.binary(vec![8; 4096]).unwrap();
    connection.text("short").unwrap();
    let dropped = connection.close_now(None, "").unwrap();
    assert_eq!((dropped.frames, dropped.bytes), (4, 2 + 2 * (4 + 4096) + 7));
    assert_eq!(drain(&mut connection), b"\x88\0");
}

/// The queue is moved to the front of its memory once 16 KiB and half of it have gone, so that less is moved than went.
#[test]
fn the_memory_of_what_went_out_is_used_again() {
    for (len, gone, moved) in [
        (20_000, (16 << 10) - 1, false),
        (32 << 10, 16 << 10, true),
        ((32 << 10) + 2, 16 << 10, false),
        (100_000, 99_999, true),
    ] {
        let mut connection = connection(Role::Server, Config::default());
        let header = if len < 1 << 16 { 4 } else { 10 };
        connection.binary(&vec![1; len - header]).unwrap();
        assert_eq!(connection.queued(), len);
        let begin = connection.output().chunk().as_ptr().addr();
        connection.output().advance(gone);
        let now = connection.output().chunk().as_ptr().addr() - begin;
        assert_eq!((connection.queued(), now), (len - gone, if moved { 0 } else { gone }), "{gone} of {len}");
    }
}

#[test]
fn advancing_by_more_than_there_is_takes_what_there_is() {
    for role in ROLES {
        let mut connection = connection(role, Config::default());
        connection.output().advance(5);
        assert_eq!((connection.output().remaining(), connection.output().chunk()), (0, &[][..]));
        connection.text("hello").unwrap();
        connection.output().advance(usize::MAX);
        assert_eq!(connection.queued(), 0);
        connection.text("again").unwrap();
        assert_eq!(frames(role, &drain(&mut connection)), [Frame::text("again")]);
    }
}

#[test]
fn memory_of_an_empty_queue_is_given_back_and_taken_anew() {
    let mut connection = connection(Role::Server, Config::default());
    connection.text("kept").unwrap();
    connection.release();
    assert_eq!(connection.queued(), 6);
    assert_eq!(frames(Role::Server, &drain(&mut connection)), [Frame::text("kept")]);
    connection.release();
    connection.text("anew").unwrap();
    assert_eq!(frames(Role::Server, &drain(&mut connection)), [Frame::text("anew")]);
}

#[test]
fn debug_shows_no_payload() {
    let mut connection = connection(sockless::Role::Server, Config::default());
    connection.text("secret").unwrap();
    connection.binary(vec![b's'; 2000]).unwrap();
    let shown = format!("{connection:?} {:?}", connection.queued());
    assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
    assert!(shown.contains("Outbox(2012 bytes)"), "{shown}");
}

#[test]
fn an_echo_shares_what_was_joined_and_copies_what_is_lent() {
    for (opcode, byte) in [(1, b't'), (2, 0xff)] {
        let mut connection = connection(Role::Server, Config::default());
        let payload = [byte; 4096];
        let joined = [from_peer(Role::Server, opcode, &payload[1..]), from_peer(Role::Server, 0x80, &[byte])];
        for (mut wire, lent) in
            [(joined.concat(), false), (from_peer(Role::Server, 0x80 | opcode, &payload), true)]
        {
            let pointer = match connection.receive(&mut &mut wire[..]).unwrap().expect("a message") {
                Event::Text { text, .. } => {
                    let pointer = text.as_ptr();
                    assert_eq!(text.is_lent(), lent);
                    connection.text(text).unwrap();
                    pointer
                }
                Event::Binary { data, .. } => {
                    let pointer = data.as_ptr();
                    assert_eq!(data.is_lent(), lent);
                    connection.binary(data).unwrap();
                    pointer
                }
                event => panic!("{event:?}"),
            };
            let header = connection.output().copy_to_bytes(4);
            assert_eq!(header[..], [0x80 | opcode, 0x7e, 0x10, 0]);
            let echo = connection.output().copy_to_bytes(4096);
            assert_eq!((&echo[..], echo.as_ptr() == pointer), (&payload[..], !lent));
            assert_eq!(connection.queued(), 0);
        }
    }
}

#[test]
fn data_is_kept_without_a_copy_if_it_was_given() {
    for cut in [false, true] {
        for shared in [false, true] {
            let mut connection = connection(Role::Server, Config::default());
            let mut wire = match cut {
                true => [from_peer(Role::Server, 2, b"da"), from_peer(Role::Server, 0x80, b"ta")].concat(),
                false => from_peer(Role::Server, 0x82, b"data"),
            };
            let event = connection.receive(&mut &mut wire[..]);
            let Ok(Some(Event::Binary { mut data, .. })) = event else { panic!("{event:?}") };
            let pointer = data.as_ptr();
            // It may be changed where it lies, too.
            data[0] = b'D';
            let (kept, same) = match shared {
                true => {
                    let kept = data.into_bytes();
                    (kept.to_vec(), kept.as_ptr() == pointer)
                }
                false => {
                    let kept = data.into_vec();
                    let same = kept.as_ptr() == pointer;
                    (kept, same)
                }
            };
            assert_eq!((&kept[..], same), (&b"Data"[..], cut));
        }
    }
}
