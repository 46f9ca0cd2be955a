//! `sockless` beside its peers, on the same wire bytes, in one interleaved run.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml [FILTER]
//! ```
//!
//! Each candidate of a row first shows that it delivers the payloads, or sends the frames, that it should. Then every
//! row has 15 rounds in which its candidates take turns; the medians of their processor time are printed, and the
//! ratios that the target is about. `ROW PEER N` runs one of them N times for an instruction counter.
//!
//! What is received comes in reads of 16 KiB, copied once in place of the kernel's copy; a message of 16 KiB lies
//! whole in a read. What is sent is handed over when 16 KiB of it wait, and looked at, not copied. Peers marked with
//! `†` write every frame by itself, for which nothing is charged here, or queue nothing at all: they count among the
//! best only where the payload is shared, and of them only the one that the target was set by. `‡` makes masking keys
//! that can be guessed.
//! `§` believes nearly all that it receives, and is not counted among the best.

mod deflate;
mod floor;
mod peer;
mod rows;
mod seen;
mod stream;
#[path = "../../own/wire.rs"]
mod wire;

use std::time::Duration;

use rows::{Row, Work, rows};
use seen::Seen;

/// Runs all messages of a row once.
pub type Run = Box<dyn FnMut(&mut Seen)>;

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(2);

type Build = fn(&Row) -> Option<Run>;

const CANDIDATES: [(&str, Build); 14] = [
    ("sockless", peer::ours::build),
    ("floor", floor::build),
    ("tungstenite", peer::tungstenite::build),
    ("tokio-websockets", peer::tokio_websockets::build),
    ("fastwebsockets", peer::fastwebsockets::build),
    ("yawc", peer::yawc::build),
    ("sockudo-ws", peer::sockudo::build),
    ("soketto", peer::soketto::build),
    ("web-socket", peer::web_socket::build),
    ("wtx", peer::wtx::build),
    ("ratchet_rs", peer::ratchet::build),
    ("ws-framer", peer::ws_framer::build),
    ("embedded-websocket", peer::embedded_websocket::build),
    // A memcpy, or whatever else nobody can do without.
    ("memcpy", peer::memcpy::build),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [row, peer, times] => count(row, peer, times.parse().expect("ROW PEER N")),
        _ => measure(arguments.first().map_or("", |filter| filter)),
    }
}

fn count(row: &str, peer: &str, times: usize) {
    let row = rows().into_iter().find(|candidate| candidate.name == row).expect("a row");
    let (_, build) = CANDIDATES.iter().find(|(name, _)| *name == peer).expect("a peer");
    let mut run = build(&row).expect("a peer that can do this");
    for _ in 0..times {
        run(&mut Seen::nothing());
    }
    println!("{} messages", times * row.messages);
}

struct Candidate {
    name: &'static str,
    run: Run,
    runs: usize,
    times: Vec<f64>,
}

fn measure(filter: &str) {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.name.contains(filter)).collect();
    let mut table: Vec<(Row, Vec<Candidate>)> = Vec::new();
    for row in rows {
        let candidates = CANDIDATES.iter().filter_map(|(name, build)| prepare(&row, name, *build)).collect();
        table.push((row, candidates));
    }
    for _ in 0..ROUNDS {
        for (row, candidates) in &mut table {
            // Where all call the same engine, the first trains the branch predictor for the others. So each is it once.
            candidates.rotate_left(1);
            for candidate in candidates {
                let start = processor_time();
                for _ in 0..candidate.runs {
                    (candidate.run)(&mut Seen::nothing());
                }
                let messages = (candidate.runs * row.messages) as f64;
                candidate.times.push((processor_time() - start).as_nanos() as f64 / messages);
            }
        }
    }
    report(&mut table);
}

/// A candidate that does what it should.
fn prepare(row: &Row, name: &'static str, build: Build) -> Option<Candidate> {
    let mut run = build(row)?;
    let mut seen = Seen::everything();
    run(&mut seen);
    if let Err(fault) = row.check(seen.bytes()) {
        eprintln!("{name} does not do {}: {fault}", row.name);
        return None;
    }
    let start = processor_time();
    run(&mut Seen::nothing());
    let once = (processor_time() - start).as_nanos().max(1);
    let runs = (ROUND.as_nanos() / once) as usize + 1;
    Some(Candidate { name, run, runs, times: Vec::new() })
}

/// What this thread has had of the processor: what else runs on the machine takes none of it.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place for the answer is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn report(table: &mut [(Row, Vec<Candidate>)]) {
    println!(
        "| ns per message | ours (≤) | best Rust | floor | ours/best (≤) | ours/floor (≤) | met | the others |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: | --- | --- |");
    for (row, candidates) in table {
        let mut medians: Vec<(&str, f64)> = candidates.iter_mut().map(median).collect();
        let of = |wanted: &str| medians.iter().find(|(name, _)| *name == wanted).map(|(_, time)| *time);
        let (ours, floor, copy) = (of("sockless").unwrap_or(f64::NAN), of("floor"), of("memcpy"));
        medians.retain(|(name, _)| !["sockless", "floor", "memcpy"].contains(name));
        medians.sort_by(|a, b| a.1.total_cmp(&b.1));
        let best = medians.iter().find(|(name, _)| !["†", "§"].contains(&mark(row, name))).copied();
        let to_best = best.map(|(_, time)| ours / time);
        let to_floor = floor.map(|floor| ours / floor);
        let met = [(to_best, row.best_ratio()), (to_floor, row.floor_ratio())]
            .map(|(is, most)| Some(is? <= most?))
            .map(|met| met.map_or("–", |met| if met { "yes" } else { "no" }));
        let named = |(name, time): &(&str, f64)| format!("{name}{} {}", mark(row, name), digits(*time));
        let others: Vec<String> = medians.iter().filter(|other| Some(**other) != best).map(named).collect();
        let show = |ratio: Option<f64>, most: Option<f64>| match (ratio, most) {
            (Some(ratio), Some(most)) => format!("{ratio:.2} ({most:.2})"),
            (Some(ratio), None) => format!("{ratio:.2}"),
            _ => "–".into(),
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {}, {} | {}{} |",
            row.name,
            row.most().map_or(digits(ours), |most| format!("{} ({})", digits(ours), digits(most))),
            best.as_ref().map_or("–".into(), named),
            floor.map_or("–".into(), digits),
            show(to_best, row.best_ratio()),
            show(to_floor, row.floor_ratio()),
            met[0],
            met[1],
            others.join(", "),
            copy.map_or(String::new(), |copy| format!(" (memcpy {})", digits(copy))),
        );
    }
}

/// What keeps a peer from being compared in a row.
fn mark(row: &Row, peer: &str) -> &'static str {
    match (row.work, peer) {
        (Work::Send | Work::Shared | Work::Masked, "ws-framer" | "embedded-websocket") => "†",
        (Work::Shared, "wtx" | "web-socket" | "ratchet_rs") => "†",
        (Work::Send | Work::Masked | Work::Echo, "wtx" | "web-socket" | "ratchet_rs" | "fastwebsockets") => {
            "†"
        }
        (Work::Masked, "sockudo-ws") => "‡",
        (Work::Send | Work::Shared | Work::Masked, _) => "",
        (_, "embedded-websocket") => "§",
        _ => "",
    }
}

fn median(candidate: &mut Candidate) -> (&'static str, f64) {
    candidate.times.sort_by(f64::total_cmp);
    (candidate.name, candidate.times[ROUNDS / 2])
}

fn digits(time: f64) -> String {
    if time < 100.0 { format!("{time:.1}") } else { format!("{time:.0}") }
}
