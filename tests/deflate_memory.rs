//! What compression costs in memory, under a counting allocator. Bombs are in `hostile_deflate.rs`.
#![cfg(feature = "deflate")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use std::sync::Arc;

use heap::{during, held};
use proptest::collection::vec;
use proptest::prelude::*;
use sockless::handshake::{Agreed, PermessageDeflate, WindowBits};
use sockless::{Config, Connection, DeflatePool, Event, Role};
use support::deflate;
use support::subject::{drain, from_peer};

/// The most that is held meanwhile, where what grows does so in its place.
fn peak(act: &mut dyn FnMut()) -> isize {
    during(act).1.peak_in_place
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_payload_inflates_as_elsewhere_and_in_bounded_memory(data in vec(any::<u8>(), 0..300)) {
        deflate::any_payload(&data, &peak);
    }
}

/// What the fuzzer found worth keeping, on a stable compiler.
#[test]
fn the_corpus_holds() {
    let corpus = format!("{}/fuzz/corpus/deflate", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(&corpus).expect(&corpus).collect();
    assert!(!files.is_empty(), "{corpus} is empty");
    for file in files {
        deflate::one(&std::fs::read(file.unwrap().path()).unwrap(), &peak);
    }
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
fn what_compresses_comes_from_the_pool_for_the_time_of_a_message() {
    let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    let mut pool = DeflatePool::new(1);
    let mut connections = [(); 3].map(|()| Connection::server(Config::default()).with_deflate(agreed));
    let taken = connections.each_mut().map(|connection| {
        let text = "there and back again ".repeat(100);
        during(|| connection.with_pool(&mut pool).text(&text).unwrap()).1.peak_in_place
    });
    println!("to compress with a pool: {taken:?} bytes");
    assert!(taken[0] > 100_000 && taken[1..].iter().all(|&more| more < 4000), "{taken:?}");

    let mut payload = miniz_oxide::deflate::compress_to_vec(&[b'a'; 100], 6);
    payload.push(0);
    let taken = connections.each_mut().map(|connection| {
        let mut wire = from_peer(Role::Server, 0xc1, &payload);
        during(|| assert!(connection.receive_with(&mut &mut wire[..], &mut pool).unwrap().is_some())).1.peak
    });
    assert!(taken[0] > 50_000 && taken[1..].iter().all(|&more| more < 4000), "{taken:?}");
}

#[test]
fn a_pool_keeps_a_compressor_for_each_set_of_parameters_until_it_is_released() {
    let before = held();
    let agreed = [1, 6].map(|level| PermessageDeflate::default().no_context_takeover().level(level).agreed());
    let mut pool = DeflatePool::new(1);
    let mut connections = agreed.map(|agreed| Connection::server(Config::default()).with_deflate(agreed));
    let mut taken = vec![];
    for _ in 0..3 {
        for connection in &mut connections {
            let text = "there and back again ".repeat(100);
            taken.push(during(|| connection.with_pool(&mut pool).text(&text).unwrap()).1.peak_in_place);
            drain(connection);
        }
    }
    assert!(taken[..2].iter().all(|&first| first > 100_000), "{taken:?}");
    assert!(taken[2..].iter().all(|&more| more < 4000), "{taken:?}");
    pool.release();
    drop(connections);
    assert!(held() - before < 1000, "{}", held() - before);
}

#[test]
fn an_inflater_that_comes_back_to_another_pool_is_kept_by_neither() {
    let agreed = PermessageDeflate::default().no_context_takeover().agreed();
    let (mut one, mut other) = (DeflatePool::new(1), DeflatePool::new(1));
    let before = held();
    for _ in 0..3 {
        let mut connection = Connection::server(Config::default()).with_deflate(agreed);
        let mut wire = from_peer(Role::Server, 0x41, b"\xf2\x48\xcd");
        assert!(connection.receive_with(&mut &mut wire[..], &mut one).unwrap().is_none());
        let mut wire = from_peer(Role::Server, 0x80, b"\xc9\xc9\x07\x00");
        let event = connection.receive_with(&mut &mut wire[..], &mut other).unwrap();
        assert!(matches!(event, Some(Event::Text { text, .. }) if &*text == "Hello"));
    }
    assert!(held() - before < 1000, "{}", held() - before);
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
        assert!(a_little <= (48 << 10) + (10 << 10), "the engine and a ring of 8 KiB: {a_little}");
        let ring = (1 << bits).max(8 << 10);
        assert_eq!(short, a_little - (8 << 10) + ring, "a ring as long as the window");
        assert_eq!(long, a_little - (8 << 10) + 2 * ring, "a ring of twice that");
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
