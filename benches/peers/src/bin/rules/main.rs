//! What this crate and its peers come to when a peer breaks a rule of RFC 6455: a table.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin rules [PEER]
//! ```
//!
//! Each case is a process of its own, with two gigabytes of address space and a minute of processor time. With the name
//! of a peer: its words alone, and what it said. The program fails where this crate does not come to what it should.

mod peers;
mod rule;
#[allow(dead_code)]
#[path = "../../seen.rs"]
mod seen;
#[allow(dead_code)]
#[path = "../../stream.rs"]
mod stream;
mod verdict;
#[allow(dead_code)]
#[path = "../../../../own/wire.rs"]
mod wire;

use std::process::{Command, ExitCode};

use peers::{PEERS, Peer};
use rule::{Rule, rules};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let peer = |name: &str| PEERS.iter().find(|peer| peer.name == name).expect("a peer");
    match &arguments[..] {
        [] => return table(),
        [name] => {
            for rule in rules() {
                let (word, said) = apart(peer(name), &rule);
                println!("| {} | {} | {word} | {said} |", rule.name, rule.section);
            }
        }
        [name, rule] => {
            bound(libc::RLIMIT_AS, 2 << 30);
            bound(libc::RLIMIT_CPU, 60);
            // Some peers keep deadlines.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let _inside = runtime.enter();
            let rule = rules().into_iter().find(|other| other.name == rule).expect("a rule");
            let (word, said) = verdict::verdict(peer(name), &rule);
            println!("{word}\n{said}");
        }
        _ => panic!("rules [PEER]"),
    }
    ExitCode::SUCCESS
}

fn bound(resource: libc::__rlimit_resource_t, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the limit is ours, and lives as long as the call.
    assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
}

fn table() -> ExitCode {
    println!("| rule | section | {} |", PEERS.map(|peer| peer.name).join(" | "));
    println!("| --- | --- |{}", " --- |".repeat(PEERS.len()));
    let (mut words, mut wrong) = (Vec::new(), Vec::new());
    for rule in rules() {
        let row = PEERS.each_ref().map(|peer| apart(peer, &rule).0);
        println!("| {} | {} | {} |", rule.name, rule.section, row.join(" | "));
        if row[0] != rule.expected {
            wrong.push(format!("sockless: {}: {}, not {}", rule.name, row[0], rule.expected));
        }
        if rule.kind.is_rule() {
            words.push(row);
        }
    }
    let sum = |name: &str, counted: &[&str]| {
        let of = |peer: usize| {
            words.iter().filter(|row| counted.iter().any(|word| row[peer].starts_with(word))).count()
        };
        let sums: Vec<String> = (0..PEERS.len()).map(|peer| of(peer).to_string()).collect();
        println!("| {name} | | {} |", sums.join(" | "));
    };
    sum(&format!("kept, of {}", words.len()), &["refused", "discarded", "passes"]);
    sum("of them refused with a Close", &["refused, 1"]);
    sum("not looked at", &["not looked at"]);
    wrong.iter().for_each(|wrong| eprintln!("{wrong}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The verdict, in a process of its own.
fn apart(peer: &Peer, rule: &Rule) -> (String, String) {
    let program = std::env::current_exe().expect("a name");
    let ran = Command::new(program).args([peer.name, rule.name]).output().expect("a process");
    let (said, faults) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(!faults.contains("what is good is not delivered"), "{}, {}: {faults}", peer.name, rule.name);
    match said.trim_end().split_once('\n') {
        Some((word, said)) if ran.status.success() => (word.into(), said.replace('\n', " ")),
        _ if faults.contains("memory allocation of") => ("aborts: no memory".into(), faults.trim().into()),
        _ if faults.contains("panicked at") => ("panics".into(), faults.trim().replace('\n', " ")),
        _ => (format!("ends: {}", ran.status), faults.trim().into()),
    }
}
