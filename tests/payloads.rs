//! What is received lies in the input where it came whole, and is the receiver's own where it was put together.
#![cfg(feature = "alloc")]

use sockless::{Config, Connection, Event, Keys};

/// What one message is, from an input cut behind `cut` bytes: whether it is lent, and what it turns into.
fn received<T>(wire: &[u8], cut: usize, look: impl Fn(Event<'_>) -> T) -> T {
    let mut client = Connection::client(Config::default(), Keys::from_seed([1; 32]));
    let (first, second) = wire.split_at(cut);
    let (mut first, mut second) = (first.to_vec(), second.to_vec());
    if let Some(event) = client.receive(&mut &mut first[..]).unwrap() {
        return look(event);
    }
    look(client.receive(&mut &mut second[..]).unwrap().unwrap())
}

#[test]
fn s5_6_a_binary_message_that_came_whole_is_lent_and_a_torn_one_given() {
    let data = |event: Event<'_>| match event {
        Event::Binary { data, .. } => (data.is_lent(), data.into_vec()),
        event => panic!("{event:?}"),
    };
    assert_eq!(received(b"\x82\x03abc", 5, data), (true, b"abc".to_vec()));
    assert_eq!(received(b"\x82\x03abc", 4, data), (false, b"abc".to_vec()));
    let bytes = |event: Event<'_>| match event {
        Event::Binary { mut data, .. } => {
            data[0] ^= 0x20;
            data.into_bytes()
        }
        event => panic!("{event:?}"),
    };
    for cut in [5, 4] {
        assert_eq!(received(b"\x82\x03abc", cut, bytes), b"Abc"[..]);
    }
}

#[test]
fn s5_6_a_text_message_that_came_whole_is_lent_and_a_torn_one_given() {
    let text = |event: Event<'_>| match event {
        Event::Text { text, .. } => (text.is_lent(), text.into_string()),
        event => panic!("{event:?}"),
    };
    assert_eq!(received(b"\x81\x03abc", 5, text), (true, "abc".to_owned()));
    assert_eq!(received(b"\x81\x03abc", 4, text), (false, "abc".to_owned()));
    let bytes = |event: Event<'_>| match event {
        Event::Text { text, .. } => text.into_bytes(),
        event => panic!("{event:?}"),
    };
    for cut in [5, 4] {
        assert_eq!(received(b"\x81\x03abc", cut, bytes), b"abc"[..]);
    }
}
