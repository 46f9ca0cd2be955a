//! What is announced reserves no memory (RFC 6455 §10.4): an allocator that counts, in a program of its own.
#![cfg(feature = "alloc")]

#[path = "support/heap.rs"]
mod heap;

use sockless::{Config, Connection, Delivery, Event, Keys, Limits};

/// The bytes allocated meanwhile on this thread.
fn allocated(during: impl FnOnce()) -> usize {
    usize::try_from(heap::during(during).1.asked).unwrap()
}

fn client(delivery: Delivery) -> Connection {
    let config = Config::default().limits(Limits::UNLIMITED).delivery(delivery);
    Connection::client(config, Keys::from_seed([0; 32]))
}

#[test]
fn s10_4_an_announcement_of_2_to_the_63_reserves_nothing() {
    for delivery in [Delivery::Messages, Delivery::Parts] {
        for first in [0x81, 0x82] {
            let mut connection = client(delivery);
            let mut wire = *b"\0\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabcdefgh";
            wire[0] = first;
            let (header, payload) = wire.split_at_mut(10);
            assert_eq!(allocated(|| assert!(connection.receive(&mut &mut header[..]).unwrap().is_none())), 0);
            let most = if delivery == Delivery::Parts { 0 } else { 300 };
            let received = allocated(|| {
                let event = connection.receive(&mut &mut payload[..]).unwrap();
                assert_eq!(event.is_some(), delivery == Delivery::Parts);
            });
            assert!(received <= most, "{received} bytes for 8 of payload");
        }
    }
}

#[test]
fn s10_4_empty_fragments_cost_no_memory_each() {
    let mut connection = client(Delivery::Messages);
    let begin = &mut b"\x02\0".to_owned()[..];
    assert!(connection.receive(&mut &mut begin[..]).unwrap().is_none());
    let mut fragments = b"\0\0".repeat(10_000);
    assert_eq!(allocated(|| assert!(connection.receive(&mut &mut fragments[..]).unwrap().is_none())), 0);
}

#[test]
fn s5_4_parts_and_whole_messages_and_pings_that_lie_in_the_input_are_not_copied() {
    for delivery in [Delivery::Messages, Delivery::Parts] {
        let mut connection = client(delivery);
        let mut wire =
            [b"\x82\x7e\x40\0".to_vec(), vec![7; 1 << 14], b"\x81\x02hi\x8a\x01p".to_vec()].concat();
        let mut input = &mut wire[..];
        let mut events = 0;
        let bytes = allocated(|| {
            while let Some(event) = connection.receive(&mut input).unwrap() {
                match event {
                    Event::Binary { data, .. } => assert!(data.is_lent()),
                    Event::Text { text, .. } => assert!(text.is_lent()),
                    Event::Pong(data) => assert!(data.is_lent()),
                    event => panic!("{event:?}"),
                }
                events += 1;
            }
        });
        assert_eq!((bytes, events), (0, 3));
    }
}

#[test]
fn s5_6_a_message_put_together_takes_memory_in_proportion_to_what_came() {
    let mut connection = client(Delivery::Messages);
    let header = &mut b"\x82\x7f\0\0\0\x40\0\0\0\0".to_owned()[..];
    assert!(connection.receive(&mut &mut header[..]).unwrap().is_none());
    let mut came = 0;
    let bytes = allocated(|| {
        let mut piece = [0; 1000];
        for _ in 0..1000 {
            came += piece.len();
            assert!(connection.receive(&mut &mut piece[..]).unwrap().is_none());
        }
    });
    // Doubling copies each byte about once, and ends at most twice as large as needed.
    assert!(bytes <= 5 * came, "{bytes} bytes allocated for {came} received");
}
