//! The figure that a hostile peer's test tells: the bound it asserted, what it measured, what was answered.

use std::collections::BTreeSet;
use std::panic::Location;

/// The most that a class of peers may cost, and the most that it did.
///
/// Each prints a row of the table in `docs/lessons.md`, which `scripts/hostile-table` makes of a run, and fails if the
/// table has another bound or another answer.
#[derive(Debug)]
pub struct Figure {
    class: &'static str,
    most: i128,
    unit: &'static str,
    measured: Option<i128>,
    answers: BTreeSet<String>,
}

impl Figure {
    pub fn new(class: &'static str, most: impl TryInto<i128>, unit: &'static str) -> Figure {
        Figure { class, most: number(most), unit, measured: None, answers: BTreeSet::new() }
    }

    /// Fails if it is beyond the bound.
    #[track_caller]
    pub fn saw(&mut self, measured: impl TryInto<i128>, answer: &str) {
        let measured = number(measured);
        assert!(measured <= self.most, "{}: {measured} of {} {}", self.class, self.most, self.unit);
        self.measured = self.measured.max(Some(measured));
        self.answers.insert(answer.to_string());
    }

    #[track_caller]
    pub fn tell(self) {
        let Figure { class, most, unit, measured, answers } = self;
        let answer = answers.into_iter().collect::<Vec<_>>().join("; ");
        let measured = grouped(measured.expect("something was measured"));
        let most = grouped(most);
        let file = Location::caller().file();
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default();
        println!(
            "hostile: {class} | bound {most} {unit} | measured {measured} {unit} | answer {answer} | {file}::{test}"
        );
        // While the table is made there is none to hold it to.
        if std::env::var_os("HOSTILE_TABLE").is_none_or(|making| making != "make") {
            let text =
                std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lessons.md")).unwrap();
            let begins = format!("| {class} | {most} {unit} |");
            let mut rows = text.lines().filter(|line| line.starts_with(&begins));
            let row = rows.next().unwrap_or_else(|| panic!("docs/lessons.md has no row {begins}"));
            assert!(row.contains(&format!("| {answer} |")), "{answer}: not so in docs/lessons.md: {row}");
        }
    }
}

fn number(value: impl TryInto<i128>) -> i128 {
    value.try_into().unwrap_or_else(|_| panic!("it is beyond 127 bits"))
}

/// With a comma for each thousand.
fn grouped(number: i128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
