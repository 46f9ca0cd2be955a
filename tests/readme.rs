//! What the README says of defaults is what they are.
#![cfg(feature = "alloc")]

use sockless::handshake::HandshakeLimits;
use sockless::{Config, Limits, Timeouts};

const README: &str = include_str!("../README.md");

#[test]
fn the_table_of_limits_is_what_the_defaults_are() {
    let limits = Limits::default();
    assert_eq!(limits.frame, limits.message);
    let timeouts = Timeouts::default();
    assert_eq!(timeouts.idle, None);
    let seconds = |time: Option<core::time::Duration>| format!("{} s", time.expect("a deadline").as_secs());
    let handshake = HandshakeLimits::default();
    for row in [
        format!("| message, frame | {} MiB |", limits.message >> 20),
        format!(
            "| fragments in a message | {} (one for each {} bytes of the limit) |",
            limits.fragments,
            limits.message / u64::from(limits.fragments)
        ),
        format!("| output queued before `Full` | {} MiB |", Config::default().high_water >> 20),
        format!(
            "| ping after silence; answer to it | {}; {} |",
            seconds(timeouts.ping_interval),
            seconds(timeouts.pong)
        ),
        format!(
            "| output that does not move; closing | {}; {} |",
            seconds(timeouts.output),
            seconds(timeouts.close)
        ),
        format!(
            "| handshake: head, first line, fields, time | {} KiB, {} KiB, {}, {} |",
            handshake.head >> 10,
            handshake.line >> 10,
            handshake.fields,
            seconds(Some(handshake.time))
        ),
    ] {
        assert!(README.contains(&row), "not in README.md: {row}");
    }
}
