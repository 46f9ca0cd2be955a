/// What a machine made of its input, and the bytes behind that.
#[derive(Debug)]
pub struct Fed<T, E> {
    pub result: Result<Option<T>, E>,
    pub left: Vec<u8>,
}

/// Feeds the pieces to a machine until it gives something.
pub fn feed<T, E>(
    pieces: &[Vec<u8>],
    mut receive: impl FnMut(&mut &mut [u8]) -> Result<Option<T>, E>,
) -> Fed<T, E> {
    for (at, piece) in pieces.iter().enumerate() {
        let mut piece = piece.clone();
        let mut input = &mut piece[..];
        match receive(&mut input) {
            Ok(None) => assert!(input.is_empty(), "a machine that wants more has taken all"),
            result => return Fed { result, left: [&*input, &pieces[at + 1..].concat()].concat() },
        }
    }
    Fed { result: Ok(None), left: Vec::new() }
}

/// The bytes whole, byte by byte, and cut at random in several ways.
pub fn cuts(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut ways = vec![vec![bytes.to_vec()], bytes.iter().map(|&byte| vec![byte]).collect()];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    for longest in [2, 7, 40, 300, 5000, 20000] {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (piece, tail) =
                rest.split_at(rest.len().min(usize::try_from(state >> 33).unwrap() % longest + 1));
            pieces.push(piece.to_vec());
            rest = tail;
        }
        ways.push(pieces);
    }
    ways
}
