//! Compression with takeover at one level: JSON of 1 KiB and of 64 KiB from a server to its client.
//!
//! `cargo bench --features deflate --bench deflate`. The least of many runs, in microseconds for each message.

use std::time::{Duration, Instant};

use bytes::Buf;
use sockless::handshake::PermessageDeflate;
use sockless::{Config, Connection, Keys};

/// Records as an interface would send them, `len` bytes in all, different in each message.
fn json(len: usize, seed: u64) -> String {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::from("[");
    while text.len() < len {
        text += &format!(
            "{{\"id\":{},\"user\":\"user{}\",\"score\":{}.{},\"active\":{},\"tags\":[\"alpha\",\"beta{}\"]}},",
            next(1_000_000),
            next(5000),
            next(1000),
            next(100),
            next(2) == 1,
            next(20)
        );
    }
    text.truncate(len);
    text
}

fn main() {
    println!("{:>6} {:>6} {:>10} {:>10} {:>7}", "bytes", "level", "compress", "inflate", "ratio");
    for level in [1, 6] {
        for (len, count) in [(1 << 10, 400), (64 << 10, 40)] {
            let messages: Vec<String> = (0..count).map(|seed| json(len, seed)).collect();
            let (mut compress, mut inflate, mut compressed) = (Duration::MAX, Duration::MAX, 0);
            for _ in 0..20 {
                let agreed = PermessageDeflate::default().level(level).agreed();
                let config = Config::default().high_water(1 << 30);
                let mut server = Connection::server(config).with_deflate(agreed);
                let mut client = Connection::client(config, Keys::from_seed([1; 32])).with_deflate(agreed);
                let start = Instant::now();
                for message in &messages {
                    server.text(message).expect("room");
                }
                compress = compress.min(start.elapsed());
                compressed = server.queued();
                let mut wire = server.output().copy_to_bytes(compressed).to_vec();
                let mut input = &mut wire[..];
                let start = Instant::now();
                let mut received = 0;
                while let Some(event) = client.receive(&mut input).expect("a valid server") {
                    received += usize::from(matches!(event, sockless::Event::Text { .. }));
                }
                inflate = inflate.min(start.elapsed());
                assert_eq!(received, count as usize);
            }
            let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
            let ratio = (len * count as usize) as f64 / compressed as f64;
            println!("{len:>6} {level:>6} {:>10.2} {:>10.2} {ratio:>7.1}", each(compress), each(inflate));
        }
    }
}
