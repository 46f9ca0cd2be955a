//! Memory: `idle` for a million connections in this process and a broadcast to a tenth of them, `idle ADDR N PID` for
//! what N idle WebSockets cost the server whose process that is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use process::resident;
use sockless::{Config, Connection, Keys, Prepared};

#[path = "../process.rs"]
#[allow(dead_code)]
mod process;

/// Counts the bytes that are allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            connections("server", Connection::server);
            connections("client", |config| Connection::client(config, Keys::from_seed([7; 32])));
            broadcasts();
        }
        [address, count, process] => {
            websockets(address, count.parse().expect("N"), process.parse().expect("PID"));
        }
        _ => panic!("idle [ADDR N PID]"),
    }
}

/// A million idle ones.
fn connections(role: &str, make: impl Fn(Arc<Config>) -> Connection) {
    const MANY: usize = 1_000_000;
    let config = Arc::new(Config::default());
    let before = (ALLOCATED.load(Ordering::Relaxed), resident(std::process::id()));
    let mut all = Vec::with_capacity(MANY);
    all.extend((0..MANY).map(|_| make(Arc::clone(&config))));
    black_box(&mut all);
    let allocated = (ALLOCATED.load(Ordering::Relaxed) - before.0) as f64 / MANY as f64;
    let resident = (resident(std::process::id()) - before.1) as f64 / MANY as f64;
    println!(
        "{MANY} idle {role} connections: {allocated:.1} bytes allocated and {resident:.1} resident each, \
         size_of {}",
        size_of::<Connection>()
    );
}

type Way<'a> = &'a dyn Fn(&mut [Connection]);

/// The same kilobyte to very many: framed once, framed for each, and shared but framed for each.
fn broadcasts() {
    const MANY: usize = 100_000;
    let payload = Bytes::from(vec![7; 1024]);
    let ways: [(&str, Way); 3] = [
        ("Prepared", &|all| {
            let message = Prepared::binary(&payload[..]);
            all.iter_mut().for_each(|connection| connection.prepared(&message).expect("room"));
        }),
        ("shared payload", &|all| {
            all.iter_mut().for_each(|connection| connection.binary(payload.clone()).expect("room"));
        }),
        ("copied payload", &|all| {
            all.iter_mut().for_each(|connection| connection.binary(&payload[..]).expect("room"));
        }),
    ];
    for (name, send) in ways {
        let config = Arc::new(Config::default());
        let mut all: Vec<_> = (0..MANY).map(|_| Connection::server(Arc::clone(&config))).collect();
        let before = ALLOCATED.load(Ordering::Relaxed);
        let mut times = Vec::new();
        let mut allocated = 0;
        // The first time makes the queues; they are kept afterwards.
        for _ in 0..6 {
            let start = Instant::now();
            send(&mut all);
            times.push(start.elapsed().as_nanos() / MANY as u128);
            allocated = allocated.max((ALLOCATED.load(Ordering::Relaxed) - before) / MANY);
            for connection in &mut all {
                let queued = connection.queued();
                connection.output().advance(queued);
            }
        }
        let again = times.iter().skip(1).min().expect("times");
        println!(
            "1 KiB to {MANY}, {name}: {} ns each at first, {again} ns again, {allocated} bytes each queued",
            times[0]
        );
    }
}

/// Opens them, waits until the server has settled, and looks.
fn websockets(address: &str, count: usize, process: u32) {
    // One first, so that whatever is made once is there.
    let first = open(address);
    std::thread::sleep(Duration::from_millis(500));
    let before = resident(process);
    let all: Vec<TcpStream> = (0..count).map(|_| open(address)).collect();
    std::thread::sleep(Duration::from_secs(1));
    let each = (resident(process) as f64 - before as f64) / count as f64;
    println!("{count} idle WebSockets: {each:.0} bytes of the server's memory each");
    drop((first, all));
}

fn open(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    let request = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request).expect("a server that reads");
    let mut response = [0; 512];
    let len = stream.read(&mut response).expect("a response");
    assert!(response[..len].starts_with(b"HTTP/1.1 101"));
    stream
}
