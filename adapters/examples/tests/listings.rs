//! The listings of `docs/drivers.md` are what is compiled here: each stands in the file that the comment above it names.

use std::path::Path;

#[test]
fn every_listing_is_in_its_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let page = read("docs/drivers.md");
    let mut lines = page.lines();
    let (mut before, mut listings) = ("", 0);
    while let Some(line) = lines.next() {
        if line == "```rust" {
            let path = before.trim_start_matches("<!-- ").trim_end_matches(" -->");
            let listing: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let file = read(path);
            let code: Vec<&str> = file.lines().collect();
            // With the indentation that it has there.
            let is_here = |place: &[&str]| {
                let indent = place[0].len() - place[0].trim_start().len();
                let strip = |line: &str| line.get(indent..).unwrap_or_default().to_owned();
                place.iter().map(|line| strip(line)).eq(listing.iter().map(|line| (*line).to_owned()))
            };
            assert!(code.windows(listing.len()).any(is_here), "not in {path} as it stands: {}", listing[0]);
            listings += 1;
        }
        before = line;
    }
    assert!(listings >= 8, "{listings} listings");
}
