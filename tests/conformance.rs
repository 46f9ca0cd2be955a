//! Holds `docs/conformance.md`, `docs/lessons.md` and `SECURITY.md` to the code and the tests that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

/// A document, as its heading begins; how the ids of its rules begin; how many rules it has.
const DOCUMENTS: [(&str, &str, usize); 18] = [
    ("RFC 6455", "R", 330),
    ("Errata", "E", 7),
    ("RFC 7692", "C", 93),
    ("RFC 9113", "H2-9113-", 12),
    ("RFC 8441", "H2-", 23),
    ("RFC 9114", "H3-9114-", 3),
    ("RFC 9220", "H3-", 5),
    ("RFC 9112", "M", 62),
    ("RFC 9110", "S", 55),
    ("RFC 6454", "O", 5),
    ("RFC 3629", "T", 4),
    ("RFC 4648", "B", 4),
    ("RFC 7936", "P7936-", 1),
    ("RFC 8307", "P8307-", 1),
    ("RFC 3986", "P3986-", 8),
    ("WHATWG", "W", 35),
    ("IANA", "I", 15),
    ("draft-hixie", "X", 72),
];

const LEVELS: [&str; 6] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "DEF"];
const OURS: [&str; 3] = ["ours", "ours, driver", "ours, application"];
const NOT_OURS: [&str; 6] = ["driver", "application", "proxy", "extension", "reading", "not done"];

struct Row<'t> {
    document: &'static str,
    id: &'t str,
    section: &'t str,
    level: &'t str,
    whose: &'t str,
    place: &'t str,
    held_by: &'t str,
}

#[test]
fn every_rule_of_ours_has_code_and_a_test_and_every_other_has_a_reason() {
    let text = table();
    let faults = faults(&text, &Code::read());
    assert!(faults.is_empty(), "docs/conformance.md:\n{}", faults.join("\n"));
    println!("{}", counts(&rows(&text, &mut Vec::new())));
}

#[test]
fn what_is_wrong_with_the_table_is_seen() {
    let (text, code) = (table(), Code::read());
    let wrong = |from: &str, to: &str| {
        assert!(text.contains(from), "the table has {from}");
        faults(&text.replacen(from, to, 1), &code).join("\n")
    };
    let cases = [
        ("::s6_1_each_message_is_one_frame_in_order_with_no_reserved_bit`", "::s6_1_renamed`", "no test"),
        ("`tests/uri.rs::vectors`", "`tests/url.rs::vectors`", "no test"),
        ("`src/frames.rs` `Frames::stop`", "`src/frame.rs` `Frames::stop`", "no code"),
        ("`src/frames.rs` `Frames::stop`", "`src/frames.rs` `Frames::stops`", "no code"),
        ("`src/frames.rs` `Frames::stop`", "`src/frames.rs` `Frame::stop`", "no code"),
        ("`src/frames.rs` `Frames::stop`", "", "no code"),
        ("`frames.json#op-3-empty`", "`frames.json#op-3`", "no vector"),
        ("| `frames.json` |", "| `frame.json` |", "run by no test"),
        ("| R5.2-4 |", "| R5.2-3 |", "out of turn"),
        ("| R5.2-4 |", "| Q5.2-4 |", "unknown"),
        ("| R5.2-4 | 5.2 |", "| R5.2-4 | 5.3 |", "unknown"),
        ("| R5.2-4 | 5.2 | MUST |", "| R5.2-4 | 5.2 | OUGHT |", "level"),
        ("| driver | has the TLS | |", "| driver | | |", "no reason"),
        ("| driver | has the TLS | |", "| nobody | has the TLS | |", "whose"),
        (
            "| MUST | A failed TLS handshake fails the connection. | driver |",
            "| MUST | x | not done |",
            "not done",
        ),
        ("| 10.4 | SHOULD |", "| 10.4 | SHOULD | x |", "columns"),
        ("## RFC 9220", "## RFC 9221", "heading"),
    ];
    for (from, to, fault) in cases {
        let seen = wrong(from, to);
        assert!(seen.contains(fault), "{from} became {to}: {seen}");
    }
    let row = text.lines().find(|line| line.starts_with("| M7.1-3 |")).unwrap();
    assert!(wrong(row, "").contains("61 rules, not 62"));
    // All rows of a section that the code cites.
    let without: String =
        text.lines().filter(|line| !line.starts_with("| R5.3-")).collect::<Vec<_>>().join("\n");
    assert!(faults(&without, &code).join("\n").contains("src/mask.rs cites RFC 6455 §5.3"));
}

#[test]
fn the_lessons_name_what_exists() {
    let (tests, items) = names("docs/lessons.md");
    assert!(tests > 40 && items > 40, "{tests} tests, {items} items");
    println!("docs/lessons.md names {tests} tests and {items} items");
}

#[test]
fn the_promises_of_security_name_what_exists() {
    let (tests, _) = names("SECURITY.md");
    assert!(tests > 20, "{tests} tests");
}

/// How many tests and items of the code a page names, all of which there are.
fn names(page: &str) -> (usize, usize) {
    let code = Code::read();
    let text = fs::read_to_string(path(page)).unwrap();
    let (mut tests, mut items) = (0, 0);
    for line in text.lines() {
        let quoted = quoted(line);
        for (at, name) in quoted.iter().enumerate() {
            if name.contains("tests/") && name.contains("::") {
                assert!(code.tests.contains_key(*name), "{page}: no test: {name}");
                tests += 1;
            }
            if name.starts_with("src/") && *name != "src/lib.rs" {
                let item = quoted.get(at + 1).expect("an item");
                assert!(code.declares(name, item), "{page}: no code: {name} {item}");
                items += 1;
            }
        }
    }
    (tests, items)
}

/// The tests hold their own rows to their bounds and answers; here are the rows that no test holds.
#[test]
fn every_figure_of_the_lessons_is_told_by_the_test_that_it_names() {
    let code = Code::read();
    let text = fs::read_to_string(path("docs/lessons.md")).unwrap();
    let (_, table) = text.split_once("<!-- made by scripts/hostile-table -->").expect("its beginning");
    let (table, _) = table.split_once("<!-- end -->").expect("its end");
    let mut rows = 0;
    for line in table.lines().filter(|line| line.ends_with("` |")) {
        let [class, _, _, answer, test] = cells(line)[..] else { panic!("{line}") };
        let test = test.trim_matches('`');
        assert!(code.tests.contains_key(test), "docs/lessons.md: no test: {test}");
        let (file, _) = test.split_once("::").unwrap();
        let source = fs::read_to_string(path(file)).unwrap();
        assert!(source.contains(&format!("\"{class}\"")), "{file} tells nothing of: {class}");
        assert!(!answer.is_empty(), "{line}");
        rows += 1;
    }
    let mut told = 0;
    each_file("tests", &mut |_, text| {
        if text.contains("\nuse support::figure::Figure;") {
            told += text.matches("Figure::new(").count();
        }
    });
    assert_eq!(rows, told, "rows in docs/lessons.md, and figures in the tests");
}

fn table() -> String {
    fs::read_to_string(path("docs/conformance.md")).unwrap()
}

fn path(of: &str) -> String {
    format!("{}/{of}", env!("CARGO_MANIFEST_DIR"))
}

fn faults(text: &str, code: &Code) -> Vec<String> {
    let mut faults = Vec::new();
    let rows = rows(text, &mut faults);
    let runners = runners(text, code, &mut faults);
    for row in &rows {
        check_row(row, code, &runners, &mut faults);
    }
    check_ids(&rows, &mut faults);
    check_marks(&rows, code, &mut faults);
    faults
}

fn rows<'t>(text: &'t str, faults: &mut Vec<String>) -> Vec<Row<'t>> {
    let mut rows = Vec::new();
    let mut document = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            document = DOCUMENTS.iter().find(|known| heading.starts_with(known.0));
            if document.is_none() {
                faults.push(format!("unknown heading: {heading}"));
            }
        }
        let Some((document, ..)) = document else { continue };
        if !line.starts_with('|') || line.starts_with("| id ") || line.starts_with("| --- ") {
            continue;
        }
        match cells(line)[..] {
            [id, section, level, _, whose, place, held_by] => {
                rows.push(Row { document, id, section, level, whose, place, held_by });
            }
            ref cells => faults.push(format!("{} columns: {line}", cells.len())),
        }
    }
    rows
}

/// The cells of a line; a bar behind a backslash is text.
fn cells(line: &str) -> Vec<&str> {
    let inside = line.trim().trim_start_matches('|').trim_end_matches('|');
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in inside.match_indices('|') {
        if !inside[..at].ends_with('\\') {
            cells.push(inside[start..at].trim());
            start = at + 1;
        }
    }
    cells.push(inside[start..].trim());
    cells
}

fn check_row(row: &Row<'_>, code: &Code, runners: &BTreeSet<&str>, faults: &mut Vec<String>) {
    let id = row.id;
    if !LEVELS.contains(&row.level) {
        faults.push(format!("{id}: no level: {}", row.level));
    }
    if NOT_OURS.contains(&row.whose) {
        if row.place.is_empty() || row.place.contains('`') && row.place.starts_with("`src/") {
            faults.push(format!("{id}: no reason why it is not ours"));
        }
        if row.whose == "not done" && row.level.starts_with("MUST") {
            faults.push(format!("{id}: a {} is not done", row.level));
        }
        if !row.held_by.is_empty() {
            faults.push(format!("{id}: not ours, and held by a test"));
        }
        return;
    }
    if !OURS.contains(&row.whose) {
        faults.push(format!("{id}: whose is it? {}", row.whose));
    }
    match quoted(row.place)[..] {
        [file, item] if code.declares(file, item) => {}
        _ => faults.push(format!("{id}: no code: {}", row.place)),
    }
    let holders = quoted(row.held_by);
    if holders.is_empty() {
        faults.push(format!("{id}: no test"));
    }
    for holder in holders {
        match holder.split_once('#') {
            Some((file, vector)) => {
                if !code.vectors.contains(&(file.to_string(), vector.to_string())) {
                    faults.push(format!("{id}: no vector: {holder}"));
                }
                if !runners.contains(file) {
                    faults.push(format!("{id}: {file} is run by no test"));
                }
            }
            None if code.tests.contains_key(holder) => {}
            None => faults.push(format!("{id}: no test: {holder}")),
        }
    }
}

/// The files of vectors for which the text names tests that load them.
fn runners<'t>(text: &'t str, code: &Code, faults: &mut Vec<String>) -> BTreeSet<&'t str> {
    let mut runners = BTreeSet::new();
    for line in text.lines().take_while(|line| !line.starts_with("## ")) {
        let [vectors, ref tests @ ..] = quoted(line)[..] else { continue };
        let Some(stem) = vectors.strip_suffix(".json") else { continue };
        let loads = |test: &&str| code.tests.get(*test).is_some_and(|loaded| loaded.contains(stem));
        if tests.is_empty() || !tests.iter().all(loads) {
            faults.push(format!("{vectors} is run by no test: {line}"));
        }
        runners.insert(vectors);
    }
    runners
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Ids begin as those of their document, have their section in them, and count from 1 within it.
fn check_ids(rows: &[Row<'_>], faults: &mut Vec<String>) {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let document = DOCUMENTS.iter().find(|document| document.0 == row.document).unwrap();
        let known = row.id.strip_prefix(document.1).and_then(|id| id.rsplit_once('-'));
        let Some((_, number)) = known.filter(|(section, _)| *section == row.section) else {
            faults.push(format!("{}: unknown in §{} of {}", row.id, row.section, row.document));
            continue;
        };
        let group = last.entry(&row.id[..row.id.len() - number.len()]).or_default();
        *group += 1;
        if number.parse() != Ok(*group) {
            faults.push(format!("{}: out of turn, {} is missing or it is there twice", row.id, *group));
        }
    }
    for (document, _, count) in DOCUMENTS {
        let there = rows.iter().filter(|row| row.document == document).count();
        if there != count {
            faults.push(format!("{document} has {there} rules, not {count}"));
        }
    }
}

/// Every section that the code cites is one of the tables', or has one below it there.
fn check_marks(rows: &[Row<'_>], code: &Code, faults: &mut Vec<String>) {
    for (file, document, section) in &code.marks {
        let is = |row: &Row<'_>| {
            let below = row.section.strip_prefix(&**section);
            row.document == document && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !rows.iter().any(is) {
            faults.push(format!("{file} cites {document} §{section}, of which there is no rule"));
        }
    }
}

/// The sections cited: `RFC 6455 §5.2, §5.4` are two. One without its document has the document "?".
fn marks(text: &str) -> Vec<(String, String)> {
    // A comment goes on in the next line.
    let text: Vec<_> = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!'])).collect();
    let text = text.join(" ");
    let mut marks = Vec::new();
    let mut document = None;
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
        if word.ends_with("hixie-76") {
            document = Some("draft-hixie".into());
        } else if word.ends_with("RFC") {
            document = words.peek().map(|number| format!("RFC {}", digits(number)));
            words.next();
        } else if word.contains("hixie-7") {
            document = Some("draft-hixie".into());
        } else if let Some((_, section)) = word.split_once('§') {
            let end = section.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(section.len());
            let section = section[..end].trim_end_matches('.');
            marks.push((document.clone().unwrap_or("?".into()), section.to_string()));
        } else if word != "and" {
            document = None;
        }
    }
    marks
}

/// The files in a directory: their paths below the crate's, and their texts.
fn each_file(directory: &str, each: &mut impl FnMut(&str, &str)) {
    let entries = fs::read_dir(path(directory)).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names.iter().filter(|name| name.ends_with(".rs") || name.ends_with(".json")) {
        let file = format!("{directory}/{name}");
        each(&file, &fs::read_to_string(path(&file)).unwrap());
    }
}

/// A directory and all below it.
fn directories(top: &str) -> Vec<String> {
    let mut all = vec![top.to_string()];
    for entry in fs::read_dir(path(top)).unwrap().map(|entry| entry.unwrap()) {
        if entry.path().is_dir() {
            all.extend(directories(&format!("{top}/{}", entry.file_name().into_string().unwrap())));
        }
    }
    all
}

/// What there is in `src/` and `tests/`.
#[derive(Default)]
struct Code {
    /// The names in each file of `src/`.
    sources: BTreeMap<String, Names>,
    /// File, document, section.
    marks: BTreeSet<(String, String, String)>,
    /// `tests/FILE.rs::NAME`, also below `fuzz/`, and the files of vectors that the test's file loads.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// File and id.
    vectors: BTreeSet<(String, String)>,
}

impl Code {
    fn read() -> Code {
        let mut code = Code::default();
        for directory in directories("src") {
            each_file(&directory, &mut |file, text| {
                let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
                lines.for_each(|line| code.sources.entry(file.into()).or_default().add(line));
                let marks = marks(text).into_iter();
                code.marks.extend(marks.map(|(document, section)| (file.into(), document, section)));
            });
        }
        each_file("tests", &mut |file, text| code.add_tests(file, text));
        each_file("fuzz/tests", &mut |file, text| code.add_tests(file, text));
        each_file("tests/data", &mut |file, text| {
            let name = file.trim_start_matches("tests/data/");
            let ids = text.split("\"id\": \"").skip(1).filter_map(|rest| rest.split('"').next());
            code.vectors.extend(ids.map(|id| (name.into(), id.into())));
        });
        assert!(code.marks.len() > 50 && code.tests.len() > 100 && code.vectors.len() > 500);
        code
    }

    fn add_tests(&mut self, file: &str, text: &str) {
        let loads = text.split("load(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let loads: BTreeSet<String> = loads.map(str::to_string).collect();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if let Some((name, _)) =
                line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')).filter(|_| is_test)
            {
                self.tests.insert(format!("{file}::{name}"), loads.clone());
            }
            is_test = line == "#[test]" || is_test && line.starts_with("#[");
        }
    }

    /// Whether the file declares all of `Type::item`.
    fn declares(&self, file: &str, path: &str) -> bool {
        let Some(names) = self.sources.get(file) else { return false };
        let (types, last) = path.rsplit_once("::").unwrap_or(("", path));
        let mut types = types.split("::").filter(|name| !name.is_empty());
        types.all(|name| names.declared.contains(name))
            && (names.declared.contains(last) || names.members.contains(last))
    }
}

/// The names in a file.
#[derive(Default)]
struct Names {
    /// Of types, of functions and constants, and of what has an implementation.
    declared: BTreeSet<String>,
    /// Of what may be a variant or a field.
    members: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, line: &str) {
        let line = without_visibility(line);
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let mut words = line.split(|c| !is_name(c)).filter(|word| !word.is_empty()).map(str::to_string);
        match words.next().as_deref() {
            Some("const") if line.starts_with("const fn ") => self.declared.extend(words.nth(1)),
            Some("fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "mod") => {
                self.declared.extend(words.next());
            }
            Some("impl") => self.declared.extend(words),
            Some(name)
                if line
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.trim_start().starts_with([',', ':', '(', '{'])) =>
            {
                self.members.insert(name.into());
            }
            _ => {}
        }
    }
}

fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    let rest = match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')').map_or(scope, |(_, rest)| rest),
        None => rest,
    };
    rest.trim_start()
}

fn counts(rows: &[Row<'_>]) -> String {
    let mut text = format!("{:10} {:>6} {:>6} {:>8}\n", "level", "rules", "traced", "not ours");
    let mut line = |name: &str, of: &dyn Fn(&Row<'_>) -> bool| {
        let rules = rows.iter().filter(|row| of(row));
        let traced = rules.clone().filter(|row| OURS.contains(&row.whose)).count();
        let all = rules.count();
        writeln!(text, "{name:10} {all:6} {traced:6} {:8}", all - traced).unwrap();
    };
    for level in LEVELS {
        line(level, &|row| row.level == level);
    }
    line("all", &|_| true);
    for whose in NOT_OURS {
        let count = rows.iter().filter(|row| row.whose == whose).count();
        writeln!(text, "{whose}: {count}").unwrap();
    }
    text
}
