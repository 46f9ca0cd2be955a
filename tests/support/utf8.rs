//! The validator of text that comes in pieces, held against the standard library's of text that is whole.

use arbitrary::Unstructured;
use sockless::Utf8;

use super::run::Cuts;

/// Any bytes in any cuts: what is given is the valid beginning, the fault is at the first byte that rules all text out.
pub fn utf8(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let (Ok(seed), Ok(ahead)) = (u.arbitrary(), u.arbitrary::<u8>()) else { return };
    // Long text is validated another way than short.
    let text = [&vec![b'a'; usize::from(ahead)][..], u.take_rest()].concat();
    let mut cuts = Cuts(seed);
    judge(&text, &[]);
    judge(&text, &(1..text.len()).collect::<Vec<_>>());
    judge(&text, &cuts.of(text.len()));
    judge(&text, &cuts.of(text.len()));
}

/// The index of the first byte with which no text can begin so.
fn first_impossible(text: &[u8]) -> Option<usize> {
    let valid = std::str::from_utf8(text).err()?.valid_up_to();
    let rules_out = |end: &usize| {
        let part = std::str::from_utf8(&text[valid..=*end]);
        part.is_err_and(|fault| fault.error_len().is_some())
    };
    (valid..text.len()).find(rules_out)
}

fn judge(text: &[u8], cuts: &[usize]) {
    let valid = match std::str::from_utf8(text) {
        Ok(_) => text.len(),
        Err(fault) => fault.valid_up_to(),
    };
    let impossible = first_impossible(text);
    let mut utf8 = Utf8::new();
    let mut given = String::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&text.len()]) {
        let mut input = &text[start..end];
        let fault = loop {
            match utf8.next(&mut input) {
                Ok(Some(text)) => {
                    assert!(!text.is_empty(), "text of nothing");
                    given.push_str(&text);
                }
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let context = || format!("{text:02x?} cut at {cuts:?}, the piece that ends at {end}");
        assert_eq!(fault, impossible.is_some_and(|at| at < end), "{}", context());
        if fault {
            // Before it: what is valid, and what an earlier piece has of the character at fault.
            assert_eq!(end - input.len(), if start > valid { impossible.unwrap() } else { valid });
            assert!(utf8.next(&mut input).is_err(), "a fault that did not stay");
            break;
        }
        assert!(input.is_empty(), "{}", context());
        let whole = std::str::from_utf8(&text[..end]).is_ok();
        assert_eq!(utf8.is_whole(), whole, "{}", context());
        start = end;
    }
    assert_eq!(given.as_bytes(), &text[..valid], "{text:02x?} cut at {cuts:?}");
}
