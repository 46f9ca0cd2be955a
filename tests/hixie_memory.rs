//! What the dialects before RFC 6455 may cost in memory, under a counting allocator.
#![cfg(feature = "hixie")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use arbitrary::Unstructured;
use bytes::Buf;
use sockless::hixie::{Connection, Dialect, InvalidText};
use sockless::{Config, Delivery, Event, Limits};
use support::hixie;
use support::run::Cuts;

struct Counting;

thread_local! {
    /// Bytes on the heap that this thread has taken and not given back, and the most there were.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: it is the system's allocator, and counts on the side.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes on the heap meanwhile, beyond those that were there before.
fn peak(during: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    during();
    usize::try_from(MOST.get() - before).unwrap()
}

fn feed(connection: &mut Connection, mut input: &mut [u8]) {
    while let Ok(Some(_)) = connection.receive(&mut input) {}
}

fn unlimited() -> Connection {
    let config = Config::default().limits(Limits::UNLIMITED);
    Connection::server(Dialect::Hixie76, config, InvalidText::Replace)
}

/// Any length that 64 bits hold, under no limit at all, and then as many more bytes as anybody likes to send.
#[test]
fn what_is_announced_reserves_nothing() {
    for kind in [0x80, 0xaa, 0xff] {
        let mut connection = unlimited();
        let mut announcement = [kind, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        let mut more = [b'x'; 4096];
        let most = peak(|| {
            feed(&mut connection, &mut announcement);
            for _ in 0..100 {
                feed(&mut connection, &mut more);
            }
        });
        assert_eq!(most, 0, "of type {kind:02x}");
        println!("a length of 2^63 - 1 announced, 400 KiB of it sent: {most} bytes on the heap");
    }
}

#[test]
fn what_is_skipped_or_lent_is_not_kept() {
    let mut connection = unlimited();
    let mut wire = [&b"\x01"[..], &[b'x'; 5000], b"\xff\0Hello\xff\x80\x80\x80\x80\x80"].concat();
    assert_eq!(peak(|| feed(&mut connection, &mut wire)), 0);
}

#[test]
fn a_text_put_together_takes_memory_in_proportion_to_what_came() {
    let mut connection = unlimited();
    let mut piece = [b'x'; 1000];
    let most = peak(|| {
        feed(&mut connection, &mut b"\0".to_owned());
        for _ in 0..1000 {
            feed(&mut connection, &mut piece);
        }
    });
    // Growing by doubling: the old and the new at once.
    assert!(most <= 3_200_000, "{most} bytes for 1000000");
}

/// Whatever a peer sends, in whatever cuts: no more than a text of the limit, while it grows.
#[test]
fn limits_cap_what_is_held() {
    let mut cuts = Cuts(5);
    let mut highest = 0;
    for _ in 0..2000 {
        let choices: Vec<u8> = (0..cuts.next() % 400).map(|_| cuts.next() as u8).collect();
        let Ok((mut setting, wire)) = hixie::input(&mut Unstructured::new(&choices)) else { continue };
        for delivery in [Delivery::Messages, Delivery::Parts] {
            setting.config = setting.config.limits(Limits::for_messages(300)).delivery(delivery);
            let mut connection = setting.open();
            let mut bytes = wire.clone();
            let most = peak(|| {
                for piece in bytes.chunks_mut(7) {
                    let mut input = piece;
                    while let Ok(Some(event)) = connection.receive(&mut input) {
                        let Event::Text { text, .. } = event else { continue };
                        assert!(text.len() <= 300);
                    }
                }
            });
            // A Close may be queued beside it.
            let allowed = if delivery == Delivery::Messages { 3 * 300 + 600 } else { 600 };
            assert!(most <= allowed, "{most} bytes held");
            highest = highest.max(most);
        }
    }
    println!("2000 streams at a limit of 300 bytes: {highest} bytes on the heap at most");
}

#[test]
fn what_is_sent_in_small_pieces_is_not_blown_up() {
    let config = Config::default().high_water(1 << 20);
    let mut connection = Connection::server(Dialect::Hixie75, config, InvalidText::Replace);
    let most = peak(|| while connection.text("").is_ok() {});
    assert_eq!(connection.queued(), (1 << 20) + 2);
    assert!(most < 4 << 20, "{most} bytes for {} queued", connection.queued());
    let len = connection.queued();
    connection.output().advance(len);
    connection.release();
}
