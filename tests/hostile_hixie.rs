//! Hostile peers of the dialects before RFC 6455: lengths, texts, and what they may cost (hixie-76 §4.2).
#![cfg(feature = "hixie")]

#[path = "support/heap.rs"]
mod heap;
mod support;

use arbitrary::Unstructured;
use bytes::Buf;
use sockless::hixie::{Connection, Dialect, InvalidText};
use sockless::{Config, Delivery, Event, Limits, ProtocolError, Transport};
use support::figure::Figure;
use support::hixie;
use support::run::Cuts;

fn peak(during: impl FnOnce()) -> isize {
    heap::during(during).1.peak
}

fn feed(connection: &mut Connection, mut input: &mut [u8]) {
    while let Ok(Some(_)) = connection.receive(&mut input) {}
}

fn unlimited() -> Connection {
    let config = Config::default().limits(Limits::UNLIMITED);
    Connection::server(Dialect::Hixie76, config, InvalidText::Replace)
}

#[test]
fn a_length_is_refused_at_the_digit_that_is_too_many() {
    let mut figure = Figure::new("a length without an end (hixie-76)", 11, "digits until refused");
    let mut zeros = Figure::new("a megabyte of noughts for a length (hixie-76)", 0, "bytes of heap");
    for (limits, most) in [(Limits::default(), 4), (Limits::UNLIMITED, 11)] {
        for digit in [0x81, 0xc0, 0xff] {
            let config = Config::default().limits(limits);
            let mut connection = Connection::server(Dialect::Hixie76, config, InvalidText::Replace);
            feed(&mut connection, &mut [0x80]);
            let refused = (1..20).find(|_| connection.receive(&mut &mut [digit][..]).is_err());
            let fault = connection.receive(&mut &mut b"\0late\xff".to_owned()[..]).err();
            assert_eq!(fault, Some(ProtocolError::FrameTooBig), "it sticks");
            assert_eq!((connection.queued(), connection.transport()), (0, Transport::ShutdownWrite));
            figure.saw(refused.unwrap(), "no FF 00, Transport::ShutdownWrite");
            assert!(refused.unwrap() <= most, "{refused:?} for {limits:?}");
        }
        let config = Config::default().limits(limits);
        let mut connection = Connection::server(Dialect::Hixie76, config, InvalidText::Replace);
        let most = peak(|| {
            feed(&mut connection, &mut [0x80]);
            for _ in 0..1024 {
                feed(&mut connection, &mut [0x80; 1024]);
            }
        });
        let mut end = b"\0\0ok\xff".to_owned();
        let event = connection.receive(&mut &mut end[..]).unwrap();
        assert!(matches!(event, Some(Event::Text { text, .. }) if &*text == "ok"), "nothing was skipped");
        zeros.saw(most, "the text behind it");
    }
    figure.tell();
    zeros.tell();
}

/// Any length that 64 bits hold, under no limit at all, and then as many more bytes as anybody likes to send.
#[test]
fn what_is_announced_reserves_nothing() {
    let mut figure = Figure::new("2^63 - 1 bytes announced, 400 KiB sent (hixie-76)", 0, "bytes of heap");
    for kind in [0x80, 0xaa, 0xff] {
        let mut connection = unlimited();
        let mut announcement = [kind, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        let mut more = [b'x'; 4096];
        let most = peak(|| {
            feed(&mut connection, &mut announcement);
            for _ in 0..100 {
                feed(&mut connection, &mut more);
            }
        });
        assert_eq!(connection.queued(), 0);
        figure.saw(most, "nothing");
    }
    figure.tell();
}

#[test]
fn what_is_skipped_or_lent_is_not_kept() {
    let mut connection = unlimited();
    let mut wire = [&b"\x01"[..], &[b'x'; 5000], b"\xff\0Hello\xff\x80\x80\x80\x80\x80"].concat();
    assert_eq!(peak(|| feed(&mut connection, &mut wire)), 0);
}

#[test]
fn a_text_put_together_takes_memory_in_proportion_to_what_came() {
    let mut connection = unlimited();
    let mut piece = [b'x'; 1000];
    let most = peak(|| {
        feed(&mut connection, &mut b"\0".to_owned());
        for _ in 0..1000 {
            feed(&mut connection, &mut piece);
        }
    });
    // Growing by doubling: the old and the new at once.
    let mut figure = Figure::new("a text of a megabyte, no limit (hixie-76)", 3_200_000, "bytes of heap");
    assert_eq!(connection.queued(), 0);
    figure.saw(most, "nothing");
    figure.tell();
}

/// Whatever a peer sends, in whatever cuts: no more than a text of the limit, while it grows.
#[test]
fn limits_cap_what_is_held() {
    let mut cuts = Cuts(5);
    let mut figure =
        Figure::new("2,000 streams of anything, limit 300 (hixie)", 3 * 300 + 600, "bytes of heap");
    for _ in 0..2000 {
        let choices: Vec<u8> = (0..cuts.next() % 400).map(|_| cuts.next() as u8).collect();
        let Ok((mut setting, wire)) = hixie::input(&mut Unstructured::new(&choices)) else { continue };
        for delivery in [Delivery::Messages, Delivery::Parts] {
            setting.config = setting.config.limits(Limits::for_messages(300)).delivery(delivery);
            let mut connection = setting.open();
            let mut bytes = wire.clone();
            let most = peak(|| {
                for piece in bytes.chunks_mut(7) {
                    let mut input = piece;
                    while let Ok(Some(event)) = connection.receive(&mut input) {
                        let Event::Text { text, .. } = event else { continue };
                        assert!(text.len() <= 300);
                    }
                }
            });
            // A Close may be queued beside it.
            let allowed = if delivery == Delivery::Messages { 3 * 300 + 600 } else { 600 };
            assert!(most <= allowed, "{most} bytes held");
            figure.saw(most, "texts of 300 bytes at most");
        }
    }
    figure.tell();
}

#[test]
fn what_is_sent_in_small_pieces_is_not_blown_up() {
    let config = Config::default().high_water(1 << 20);
    let mut connection = Connection::server(Dialect::Hixie75, config, InvalidText::Replace);
    let most = peak(|| while connection.text("").is_ok() {});
    assert_eq!(connection.queued(), 1 << 20);
    assert!(most < 4 << 20, "{most} bytes for {} queued", connection.queued());
    let len = connection.queued();
    connection.output().advance(len);
    connection.release();
}
