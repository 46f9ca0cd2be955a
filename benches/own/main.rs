//! What the library costs, by itself: `cargo bench --bench own [FILTER]` prints nanoseconds per message.
//!
//! The workloads run in turn, 15 rounds of each; the median is printed. With `NAME N` one workload is run N times and
//! nothing is measured: for an instruction counter, see `scripts/instructions`. `--list` says the names,
//! `--linear` measures how cost grows with the work, for `scripts/plots`.
//!
//! Everything received is copied once from the wire into a read buffer of 16 KiB, in place of the kernel's
//! copy; for messages of 16 KiB it is 8 bytes longer, so that they lie whole in it, but for the `torn` ones.
//! Output is shown and advanced over, not copied.

mod linear;
mod wire;
mod workloads;

use std::time::{Duration, Instant};

use workloads::Workload;

const ROUNDS: usize = 15;

/// How long one round of a workload takes, at least.
const ROUND: Duration = Duration::from_millis(2);

fn main() {
    // Cargo itself adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [list] if list == "--list" => {
            workloads::all().iter().for_each(|workload| println!("{}", workload.name))
        }
        [linear] if linear == "--linear" => linear::print(),
        [name, times] => run(name, times.parse().expect("NAME N")),
        _ => measure(arguments.first().map_or("", |filter| filter)),
    }
}

fn run(name: &str, times: usize) {
    let mut workload = workloads::named(name).expect("a name of --list");
    for _ in 0..times {
        (workload.run)();
    }
    println!("{} messages", times * workload.messages);
}

fn measure(filter: &str) {
    let mut workloads = workloads::all();
    workloads.retain(|workload| workload.name.contains(filter));
    let runs: Vec<usize> = workloads.iter_mut().map(runs_in_a_round).collect();
    let mut times = vec![Vec::new(); workloads.len()];
    for _ in 0..ROUNDS {
        for ((workload, runs), times) in workloads.iter_mut().zip(&runs).zip(&mut times) {
            times.push(time(workload, *runs));
        }
    }
    println!("{:<24} {:>12} {:>12} {:>12}", "ns per message", "median", "p10", "p90");
    for (workload, times) in workloads.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let (median, p10, p90) = (times[ROUNDS / 2], times[ROUNDS / 10], times[ROUNDS - 1 - ROUNDS / 10]);
        println!("{:<24} {median:>12.1} {p10:>12.1} {p90:>12.1}", workload.name);
    }
}

/// Enough of them to fill a round.
fn runs_in_a_round(workload: &mut Workload) -> usize {
    (workload.run)();
    let start = Instant::now();
    (workload.run)();
    let once = start.elapsed().as_nanos().max(1);
    (ROUND.as_nanos() / once) as usize + 1
}

/// Nanoseconds per message.
fn time(workload: &mut Workload, runs: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..runs {
        (workload.run)();
    }
    start.elapsed().as_nanos() as f64 / (runs * workload.messages) as f64
}
