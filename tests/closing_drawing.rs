//! docs/closing.svg is drawn from the table that the tests of closing play (`tests/support/closing.rs`).
//!
//!   cargo test --test closing_drawing                          compares
//!   CLOSING_DRAWING=write cargo test --test closing_drawing    writes it
#![cfg(feature = "alloc")]

mod support;

use std::fmt::Write;

use sockless::{Cause, Role};
use support::closing::{ARROWS, Act, Arrow, Ending, Sends, State};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/closing.svg");

/// Each row: a state, and the end of the transport in it. Arrows between rows go straight or around.
const ROWS: [(State, State); 5] = [
    (State::ClosedByPeer, State::EndOfClosedByPeer),
    (State::Open, State::EndOfOpen),
    (State::Failed, State::EndOfFailed),
    (State::Closing, State::EndOfClosing),
    (State::ClosedHere, State::EndOfClosedHere),
];

const WIDTH: usize = 880;
const HEIGHT: usize = TOP + 5 * ROW - GAP + 16;
const TOP: usize = 50;
const BOX: usize = 62;
const GAP: usize = 66;
const ROW: usize = BOX + GAP;
const LEFT: usize = 180;
const MIDDLE: usize = 480;
const RIGHT: usize = 620;
const END: usize = 860;

#[test]
fn the_drawing_shows_the_table_that_the_tests_play() {
    let drawn = draw();
    if std::env::var_os("CLOSING_DRAWING").is_some_and(|doing| doing == "write") {
        std::fs::write(FILE, &drawn).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == drawn, "CLOSING_DRAWING=write cargo test --test closing_drawing");
}

fn draw() -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 1L10 5L0 9z\" fill=\"#333\"/></marker></defs>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">Closing, with Reply::Automatic; what is to be done with the transport once all is written</text>\n"
    );
    for (number, (state, end)) in ROWS.into_iter().enumerate() {
        let y = TOP + number * ROW;
        let [first, second] = transport(state);
        rectangle(&mut svg, LEFT, MIDDLE, y, "#e8f1fa", [title(state), &first, &second]);
        let Ending { code, was_clean, cause } = end.ending().expect("of an end");
        let clean = if was_clean { "clean" } else { "not clean" };
        let cause = match cause {
            Cause::Failed(_) => "Failed(…)".to_owned(),
            cause => format!("{cause:?}"),
        };
        let peers = if was_clean { "the peer's code".to_owned() } else { code.to_string() };
        let told = format!("End: {peers}, {clean}");
        rectangle(&mut svg, RIGHT, END, y, "#f2f2f2", [&told, &format!("cause {cause}"), &transport(end)[0]]);
    }
    for each in &ARROWS {
        arrow(&mut svg, each);
    }
    svg + "</svg>\n"
}

fn title(state: State) -> &'static str {
    match state {
        State::Open => "Open",
        State::Closing => "Close sent",
        State::ClosedHere => "Close sent, then received",
        State::ClosedByPeer => "Close received and answered",
        State::Failed => "Failed",
        end => panic!("{end:?} has no title"),
    }
}

/// One line, or one for each role.
fn transport(state: State) -> [String; 2] {
    match (state.transport(Role::Server), state.transport(Role::Client)) {
        (server, client) if server == client => [format!("transport: {server:?}"), String::new()],
        (server, client) => {
            [format!("transport: {server:?} at a server,"), format!("{client:?} at a client")]
        }
    }
}

fn rectangle(svg: &mut String, left: usize, right: usize, y: usize, fill: &str, lines: [&str; 3]) {
    let (width, middle) = (right - left, (left + right) / 2);
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"8\" fill=\"{fill}\" stroke=\"#333\"/>"
    )
    .unwrap();
    for (number, line) in lines.iter().enumerate() {
        let y = y + BOX / 2 + 5 + 18 * number - 9 * (lines.len() - 1);
        let weight = if number == 0 { " font-weight=\"bold\"" } else { "" };
        writeln!(svg, "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\"{weight}>{line}</text>").unwrap();
    }
}

fn arrow(svg: &mut String, arrow: &Arrow) {
    let what = match arrow.act {
        Act::OurClose => "close()",
        Act::PeersClose => "the peer's Close",
        Act::Eof => "receive_eof()",
        Act::Fault => "the peer breaks a rule",
        Act::Data => "text(), binary()",
    };
    let sends = match (arrow.sends, arrow.act) {
        (Sends::Nothing, _) => "",
        (Sends::Data, _) => "sends it",
        (Sends::Close(_), Act::OurClose) => "sends its Close",
        (Sends::Close(_), Act::PeersClose) => "sends a Close, the same code",
        (Sends::Close(_), _) => "sends a Close, the rule's code",
    };
    let row = |state| ROWS.iter().position(|&(live, end)| live == state || end == state).expect("a row");
    let (from, to) = (row(arrow.from), row(arrow.to));
    let top = |row: usize| TOP + row * ROW;
    let centre = (LEFT + MIDDLE) / 2;
    // The path, and where its label is.
    let (path, x, anchor, y) = if arrow.from == arrow.to {
        let (high, low) = (top(from) + 6, top(from) + 32);
        let out = LEFT - 40;
        (format!("M{LEFT} {high}C{out} {high} {out} {low} {LEFT} {low}"), LEFT - 42, "end", top(from) + 16)
    } else if from == to {
        let y = top(from) + BOX / 2;
        (format!("M{MIDDLE} {y}H{RIGHT}"), (MIDDLE + RIGHT) / 2, "middle", y - 8)
    } else if from.abs_diff(to) == 1 {
        let (start, end) = match from < to {
            true => (top(from) + BOX, top(to)),
            false => (top(from), top(to) + BOX),
        };
        let label = start.min(end) + GAP / 2 + 5 - if sends.is_empty() { 0 } else { 8 };
        (format!("M{centre} {start}V{end}"), centre + 12, "start", label)
    } else {
        let (start, end) = (top(from) + BOX - 14, top(to) + BOX / 2);
        (format!("M{LEFT} {start}H{}V{end}H{LEFT}", LEFT - 40), LEFT - 50, "end", (start + end) / 2)
    };
    writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"#333\" marker-end=\"url(#head)\"/>").unwrap();
    writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{what}</text>").unwrap();
    if !sends.is_empty() {
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"#0072b2\">{sends}</text>",
            y + 17
        )
        .unwrap();
    }
}
