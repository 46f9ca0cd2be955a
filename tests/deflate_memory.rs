//! What compression costs in memory: bombs, and connections that are idle, under a counting allocator.
#![cfg(feature = "deflate")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use sockless::handshake::{Agreed, PermessageDeflate, WindowBits};
use sockless::{Config, Connection, DeflatePool, Delivery, Limits, ProtocolError, Role};
use support::subject::{drain, from_peer};

struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: it is the system's allocator, and counts on the side.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn held() -> isize {
    HELD.with(Cell::get)
}

/// The most that is held meanwhile, beyond what is held before.
fn peak(during: impl FnOnce()) -> isize {
    let before = held();
    PEAK.set(before);
    during();
    PEAK.get() - before
}

const WINDOW: isize = 32 << 10;
const PART: isize = 32 << 10;

/// Text or binary of the letter `a`, a thousandth of its length on the wire.
fn bomb(head: u8, len: usize) -> Vec<u8> {
    let mut payload = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; len], 9);
    payload.push(0);
    assert!(payload.len() < len / 800, "{}", payload.len());
    from_peer(Role::Server, head, &payload)
}

#[test]
fn s10_4_a_bomb_never_holds_more_than_the_limit_and_a_window() {
    for limit in [1000, 65_536, 1 << 20, (1 << 20) + 12_345] {
        for head in [0xc1, 0xc2] {
            let wire = bomb(head, (limit as usize * 900).min(64 << 20));
            for delivery in [Delivery::Messages, Delivery::Parts] {
                for cut in [1 << 20, 1000] {
                    let config = Config::default().limits(Limits::for_messages(limit)).delivery(delivery);
                    let mut connection =
                        Connection::server(config).with_deflate(PermessageDeflate::default().agreed());
                    let mut fault = None;
                    let mut wire = wire.clone();
                    let most = peak(|| {
                        for piece in wire.chunks_mut(cut) {
                            let mut input = piece;
                            let mut most_inflated = 0;
                            loop {
                                match connection.receive(&mut input) {
                                    Ok(None) => break,
                                    Ok(Some(_)) => most_inflated += 1,
                                    Err(error) => {
                                        fault = Some(error);
                                        break;
                                    }
                                }
                            }
                            assert!(most_inflated < 100);
                        }
                    });
                    assert_eq!(fault, Some(ProtocolError::MessageTooBig));
                    let allowed = limit as isize + WINDOW + PART + (64 << 10);
                    assert!(most <= allowed, "{most} of {allowed} for {limit}, {delivery:?}");
                }
            }
        }
    }
}

#[test]
fn parts_of_a_bomb_take_constant_memory() {
    let mut wire = bomb(0xc1, 64 << 20);
    let config = Config::default().limits(Limits::UNLIMITED).delivery(Delivery::Parts);
    let mut connection = Connection::server(config).with_deflate(PermessageDeflate::default().agreed());
    let most = peak(|| {
        let mut input = &mut wire[..];
        while connection.receive(&mut input).unwrap().is_some() {}
    });
    assert!(most <= WINDOW + PART + (64 << 10), "{most}");
}

/// A compressed message there and back.
fn talk(connection: &mut Connection, pool: Option<&mut DeflatePool>) {
    let text = "there and back again ".repeat(100);
    let mut payload = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6);
    payload.push(0);
    let mut wire = from_peer(Role::Server, 0xc1, &payload);
    let mut input = &mut wire[..];
    match pool {
        Some(pool) => {
            assert!(connection.receive_with(&mut input, pool).unwrap().is_some());
            connection.with_pool(pool).text(&text).unwrap();
        }
        None => {
            assert!(connection.receive(&mut input).unwrap().is_some());
            connection.text(&text).unwrap();
        }
    }
    assert!(drain(connection).len() < 1000);
}

#[test]
fn ten_thousand_idle_connections_without_takeover() {
    const MANY: usize = 10_000;
    let config = Arc::new(Config::default());
    let each = |agreed: Option<Agreed>, pool: &mut DeflatePool| {
        let before = held();
        let mut connections = Vec::with_capacity(MANY);
        for _ in 0..MANY {
            let mut connection = Connection::server(Arc::clone(&config)).with_deflate(agreed);
            if agreed.is_some() {
                talk(&mut connection, Some(pool));
                connection.release();
            }
            connections.push(connection);
        }
        (held() - before) as usize / MANY
    };
    let mut pool = DeflatePool::new(4);
    let before = held();
    let mut one = Connection::server(Arc::clone(&config))
        .with_deflate(PermessageDeflate::default().no_context_takeover().agreed());
    talk(&mut one, Some(&mut pool));
    println!("the pool: {} bytes", held() - before);
    let plain = each(None, &mut pool);
    let compressing = each(Some(PermessageDeflate::default().no_context_takeover().agreed()), &mut pool);
    println!("idle, each: {plain} bytes, {compressing} where compression was negotiated and used");
    assert!(compressing <= plain + 64);
}

#[test]
fn nothing_is_allocated_before_the_first_compressed_message() {
    let before = held();
    let mut connection =
        Connection::server(Config::default()).with_deflate(PermessageDeflate::default().agreed());
    let mut wire = from_peer(Role::Server, 0x81, &[b'x'; 1000]);
    assert!(connection.receive(&mut &mut wire[..]).unwrap().is_some());
    connection.uncompressed().text(&"x".repeat(1000)).unwrap();
    drain(&mut connection);
    connection.release();
    assert!(held() - before < 3000, "{}", held() - before);
}

#[test]
fn what_takeover_costs() {
    let agreed = |bits| {
        PermessageDeflate::default()
            .server_max_window_bits(WindowBits::new(bits).unwrap())
            .client_max_window_bits(WindowBits::new(bits))
    };
    println!("window  a little  short messages  long messages  compressing  idle and released");
    for bits in 9..=15 {
        let measure = |what: &dyn Fn(&mut Connection)| {
            let mut connection = Connection::server(Config::default()).with_deflate(agreed(bits).agreed());
            let before = held();
            what(&mut connection);
            let used = held() - before;
            connection.release();
            (used, held() - before)
        };
        let inflate = |messages: usize, len: usize| {
            let mut payload = miniz_oxide::deflate::compress_to_vec(&vec![7; len], 1);
            payload.push(0);
            measure(&|connection| {
                for _ in 0..messages {
                    let mut wire = from_peer(Role::Server, 0xc2, &payload);
                    assert!(connection.receive(&mut &mut wire[..]).unwrap().is_some());
                }
            })
        };
        let (a_little, _) = inflate(1, 4000);
        let (short, _) = inflate(100, 1000);
        let (long, released) = inflate(1, 200_000);
        let (compressing, _) = measure(&|connection| {
            connection.text(&"there and back again ".repeat(5000)).unwrap();
            drain(connection);
        });
        println!("{bits:6}  {a_little:8}  {short:14}  {long:13}  {compressing:11}  {released:17}");
        assert!(released <= (1 << bits) + 400, "{released}");
        assert!(short <= a_little + (1 << bits).max(8 << 10), "{short}");
        assert!(long <= a_little + 2 * (1 << bits).max(8 << 10), "{long}");
    }
}

#[test]
fn nothing_is_left_behind() {
    let before = held();
    for agreed in [PermessageDeflate::default(), PermessageDeflate::default().no_context_takeover()] {
        let mut pool = DeflatePool::new(1);
        let mut connection = Connection::server(Config::default()).with_deflate(agreed.agreed());
        talk(&mut connection, Some(&mut pool));
        talk(&mut connection, None);
        let mut wire = from_peer(Role::Server, 0x41, b"\xf2\x48\xcd");
        assert!(connection.receive_with(&mut &mut wire[..], &mut pool).unwrap().is_none());
    }
    assert_eq!(held(), before);
}
