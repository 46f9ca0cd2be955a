//! More compressed bytes than 32 bits can count (RFC 7692 §7.2): the engines count in a C `long`.
#![cfg(feature = "deflate")]

mod support;

use bytes::Buf;
use sockless::handshake::PermessageDeflate;
use sockless::{Config, Connection, Event, Role};
use support::run::Cuts;
use support::subject::from_peer;

const FOUR_GIBIBYTES: u64 = 1 << 32;

/// "Hello", and "Hello" again by a reference to the first (§7.2.3.1, §7.2.3.2).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
const AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

#[test]
#[cfg_attr(
    not(any(windows, target_arch = "x86")),
    ignore = "minutes: where a C `long` has 32 bits and nothing is emulated"
)]
fn a_connection_goes_on_behind_four_gibibytes_received() {
    let mut connection =
        Connection::server(Config::default()).with_deflate(PermessageDeflate::default().agreed());
    // Blocks of noise, stored as they are, then the tail that is cut off: an empty one.
    let mut block = vec![0, 0xff, 0xff, 0, 0];
    block.extend((0..0xffff_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
    let mut message = block.repeat(15);
    message.push(0);
    let noise = from_peer(Role::Server, 0xc2, &message);
    let [hello, again] = [HELLO, AGAIN].map(|payload| from_peer(Role::Server, 0xc1, payload));
    let mut read = vec![0; noise.len()];
    let mut received = 0;
    while received < FOUR_GIBIBYTES + (1 << 28) {
        // What comes behind a message refers back to it wherever the engine begins anew.
        for (wire, text) in [(&noise, None), (&hello, Some("Hello")), (&again, Some("Hello"))] {
            read[..wire.len()].copy_from_slice(wire);
            match connection.receive(&mut &mut read[..wire.len()]) {
                Ok(Some(Event::Text { text: got, .. })) => assert_eq!(Some(&*got), text),
                Ok(Some(Event::Binary { data, .. })) => assert_eq!((data.len(), text), (15 * 0xffff, None)),
                other => panic!("{other:?} behind {received} bytes"),
            }
            received += wire.len() as u64;
        }
    }
}

#[test]
#[cfg_attr(
    not(any(windows, target_arch = "x86")),
    ignore = "minutes: where a C `long` has 32 bits and nothing is emulated"
)]
fn a_connection_goes_on_behind_four_gibibytes_sent() {
    let agreed = PermessageDeflate::default().level(1).agreed();
    let mut connection = Connection::server(Config::default()).with_deflate(agreed);
    let mut noise = Cuts(4);
    let noise: Vec<u8> = (0..1 << 17).flat_map(|_| noise.next().to_le_bytes()).collect();
    let mut sent = 0;
    while sent < FOUR_GIBIBYTES + (1 << 28) {
        connection.binary(&noise).unwrap();
        let queued = connection.queued();
        assert!(queued > noise.len(), "{queued} bytes behind {sent}");
        connection.output().advance(queued);
        sent += queued as u64;
    }
}
