//! What errors and ends say to a log, and what payloads, keys and queues do not: their contents stay out of it.
#![cfg(feature = "std")]

use sockless::handshake::{
    ConnectFault, DeflateFault, MalformedFields, Refusal, ResponseError, WindowBits, WriteError,
};
use sockless::{
    Cause, CloseCode, Config, Connection, ControlPayload, Deadline, Decoder, EndCode, Event, InvalidUtf8,
    Keys, Limits, Opcode, Prepared, ProtocolError, Role, SendError, UriError,
};

#[test]
fn every_kind_of_error_says_its_sentence() {
    let said: [(&dyn core::error::Error, &str); 11] = [
        (&ProtocolError::LengthTopBit, "the length has its top bit set (RFC 6455 §5.2)"),
        (&SendError::ControlTooLong, "a control frame carries at most 125 bytes"),
        (&InvalidUtf8, "the text is not UTF-8"),
        (&UriError::Fragment, "a WebSocket URI has no fragment"),
        (&Refusal::HostRepeated, "more than one Host"),
        (&ResponseError::AcceptWrong, "wrong Sec-WebSocket-Accept"),
        (&ResponseError::Status(404), "the server answered with status 404"),
        (&WriteError::BufferTooSmall { needed: 7 }, "the buffer is too small: 7 bytes"),
        (&MalformedFields::PathMissing, "no :path"),
        (&ConnectFault::NotExtended, "not an extended CONNECT"),
        (&ConnectFault::Malformed(MalformedFields::Name), "a field name that is not a token in lower case"),
    ];
    for (error, sentence) in said {
        assert_eq!(error.to_string(), sentence);
    }
    assert_eq!(
        DeflateFault::ClientWindowNotOffered.to_string(),
        format!(
            "client_max_window_bits was not offered ({})",
            DeflateFault::ClientWindowNotOffered.section()
        )
    );
    let mut server = Connection::server(Config::default());
    server.close(None, "").unwrap();
    let refused = server.binary(vec![7; 3]).unwrap_err();
    assert_eq!(refused.to_string(), "the connection is closing");
    assert_eq!(format!("{refused:?}"), "Refused(Closed)", "what came back is not shown");
}

#[test]
fn s7_1_every_cause_of_an_end_says_its_sentence() {
    let said = [
        (Cause::ClosedHere, "closed by this end"),
        (Cause::ClosedByPeer, "closed by the peer"),
        (Cause::Failed(ProtocolError::UnmaskedFrame), "a client's frame is not masked (RFC 6455 §5.1)"),
        (Cause::TimedOut(Deadline::Output), "the peer takes no output"),
        (Cause::TransportEnded, "the transport ended before a Close came"),
    ];
    for (cause, sentence) in said {
        assert_eq!(cause.to_string(), sentence);
    }
}

#[test]
fn s7_4_codes_are_printed_as_their_numbers() {
    assert_eq!(CloseCode::PROTOCOL_ERROR.to_string(), "1002");
    assert_eq!(format!("{:?}", CloseCode::PROTOCOL_ERROR), "CloseCode(1002)");
    assert_eq!(EndCode::ABNORMAL.to_string(), "1006");
    assert_eq!(WindowBits::MAX.to_string(), "15");
    assert_eq!(format!("{:?}", WindowBits::MAX), "WindowBits(15)");
}

#[test]
fn payloads_and_keys_are_not_printed() {
    let mut client = Connection::client(Config::default(), Keys::from_seed([1; 32]));
    let mut wire = *b"\x82\x03abc\x81\x04wxyz\x88\x06\x03\xe8fine";
    let mut input = &mut wire[..];
    let mut printed = vec![];
    while let Some(event) = client.receive(&mut input).unwrap() {
        printed.push(match event {
            Event::Binary { data, .. } => format!("{data:?}"),
            Event::Text { text, .. } => format!("{text:?}"),
            Event::Close { reason, .. } => format!("{reason:?}"),
            event => panic!("{event:?}"),
        });
    }
    assert_eq!(printed, ["Data(3 bytes)", "Text(4 bytes)", "Text(4 bytes)"]);
    client.receive_eof();
    // The reason of an end is for logs.
    assert_eq!(format!("{:?}", client.end().unwrap().reason), "\"fine\"");
    let mut wire = *b"\x82\x03abc";
    let chunk = Decoder::new(Role::Client, Limits::default()).decode(&mut &mut wire[..]).unwrap().unwrap();
    assert_eq!(format!("{chunk:?}"), "Chunk(Binary, 3 bytes)");
    assert_eq!(format!("{:?}", ControlPayload::new(b"secret").unwrap()), "ControlPayload(6 bytes)");
    assert_eq!(format!("{:?}", Keys::from_seed([1; 32])), "Keys");
    assert_eq!(
        format!("{:?}", Prepared::text("secret").unwrap()),
        "Prepared(Text, 8 bytes)",
        "the frame, not the payload"
    );
    assert_eq!(chunk.opcode, Opcode::Binary);
}
