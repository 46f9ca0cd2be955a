//! A line of text and a number, without an allocator.

/// The line, and how long it is.
pub fn line(what: &str, mut number: usize) -> ([u8; 64], usize) {
    let mut line = [b' '; 64];
    let mut at = what.len().min(32);
    line[..at].copy_from_slice(&what.as_bytes()[..at]);
    let digits = (1..20).find(|digits| number < 10usize.pow(*digits)).unwrap_or(20) as usize;
    for place in (at..at + digits).rev() {
        line[place] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    at += digits;
    line[at..at + 7].copy_from_slice(b" bytes\n");
    (line, at + 7)
}
