//! What errors say to whoever reads a log: each cause one sentence that no other has, a fault of the peer its section.
#![cfg(feature = "alloc")]

use std::collections::BTreeSet;
use std::error::Error;

use sockless::handshake::{ConnectFault, DeflateFault, MalformedFields, Refusal, ResponseError, WriteError};
use sockless::{
    Cause, Config, Connection, Deadline, InvalidUtf8, ProtocolError, Refused, SendError, UriError,
};

/// The variants of an enum, as its source has them. What another feature adds is left out without it.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let mut variants = BTreeSet::new();
    let mut there = true;
    for line in body.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)) {
        if line.starts_with("#[cfg(feature = \"hixie\")]") {
            there = cfg!(feature = "hixie");
        }
        if line.starts_with(|first: char| first.is_ascii_uppercase()) && std::mem::replace(&mut there, true) {
            variants.insert(word(line));
        }
    }
    variants
}

fn word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// Holds that these are all variants, and that each has a sentence of its own: one line, no capital, no full stop.
fn each_has_its_sentence<E: Error>(source: &str, name: &str, errors: &[E]) {
    let named: BTreeSet<String> = errors.iter().map(|error| word(&format!("{error:?}"))).collect();
    assert_eq!(named, variants(source, name), "{name}");
    let sentences: BTreeSet<String> = errors.iter().map(E::to_string).collect();
    assert_eq!(sentences.len(), errors.len(), "{name}: {sentences:?}");
    for sentence in sentences {
        assert!((7..=80).contains(&sentence.len()), "{name}: {sentence:?}");
        assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{name}: {sentence:?}");
        assert!(!errors.iter().any(|error| sentence == format!("{error:?}")), "{name}: {sentence:?}");
    }
}

/// The rules that a peer can break, by the section that states them.
const SECTIONS: [(&str, &[ProtocolError]); 10] = {
    use ProtocolError::*;
    [
        ("RFC 6455 §5.1", &[UnmaskedFrame, MaskedFrame]),
        ("RFC 6455 §5.2", &[ReservedBits, ReservedOpcode, LengthTopBit, LengthNotShortest]),
        ("RFC 6455 §5.4", &[InterleavedMessage, UnexpectedContinuation]),
        ("RFC 6455 §5.5", &[ControlTooLong, FragmentedControl]),
        ("RFC 6455 §5.5.1", &[TruncatedCloseCode, InvalidCloseReason]),
        ("RFC 6455 §7.4", &[InvalidCloseCode]),
        ("RFC 6455 §8.1", &[InvalidUtf8]),
        ("RFC 6455 §10.4", &[FrameTooBig, MessageTooBig, TooManyFragments, InflatersExhausted]),
        ("RFC 7692 §6.1", &[CompressedControl, CompressedContinuation]),
        ("RFC 7692 §7.2.2", &[CorruptDeflate]),
    ]
};

#[test]
fn a_fault_of_the_peer_names_its_section() {
    let mut all = Vec::new();
    for (section, faults) in SECTIONS {
        for fault in faults {
            assert_eq!(fault.section(), section, "{fault:?}");
            assert!(fault.to_string().ends_with(&format!(" ({section})")), "{fault}");
            all.push(*fault);
        }
    }
    each_has_its_sentence(include_str!("../src/error.rs"), "ProtocolError", &all);
}

#[test]
fn a_fault_of_an_answer_about_compression_names_its_section() {
    use DeflateFault::*;
    let sections: [(&str, &[DeflateFault]); 5] = [
        ("RFC 7692 §5", &[AcceptedTwice, NotOffered]),
        ("RFC 7692 §7", &[UnknownParameter, RepeatedParameter, InvalidValue]),
        ("RFC 7692 §7.1.1.1", &[TakeoverNotConfirmed]),
        ("RFC 7692 §7.1.2.1", &[ServerWindowNotConfirmed, ServerWindowTooLarge]),
        ("RFC 7692 §7.1.2.2", &[ClientWindowNotOffered]),
    ];
    let mut all = Vec::new();
    for (section, faults) in sections {
        for fault in faults {
            assert_eq!(fault.section(), section, "{fault:?}");
            assert!(fault.to_string().ends_with(&format!(" ({section})")), "{fault}");
            all.push(*fault);
        }
    }
    each_has_its_sentence(include_str!("../src/handshake/deflate_parameters.rs"), "DeflateFault", &all);
}

#[test]
fn a_call_that_is_refused_says_why() {
    use SendError::*;
    #[allow(unused_mut)] // features add to it
    let mut all = vec![
        Closed,
        Full,
        Unfinished,
        NotBegun,
        ControlTooLong,
        ReasonTooLong,
        ReasonWithoutCode,
        CodeForClients,
        NotUtf8,
    ];
    #[cfg(feature = "hixie")]
    all.push(NotInDialect);
    each_has_its_sentence(include_str!("../src/error.rs"), "SendError", &all);
    for error in all {
        let refused = Refused { error, payload: "secret" };
        assert_eq!(refused.to_string(), error.to_string());
        assert_eq!(format!("{refused:?}"), format!("Refused({error:?})"));
        assert_eq!(SendError::from(refused), error);
    }
}

#[test]
fn a_deadline_says_what_did_not_happen() {
    use Deadline::*;
    let all = [Pong, Idle, Output, Close];
    let sentences: BTreeSet<_> = all.iter().map(Deadline::to_string).collect();
    assert_eq!(sentences.len(), all.len());
    // What ended a connection says what its own cause says.
    for deadline in all {
        assert_eq!(Cause::TimedOut(deadline).to_string(), deadline.to_string());
    }
    for (_, faults) in SECTIONS {
        for fault in faults {
            assert_eq!(Cause::Failed(*fault).to_string(), fault.to_string());
        }
    }
    let others = [Cause::ClosedHere, Cause::ClosedByPeer, Cause::TransportEnded];
    let others = others.iter().map(Cause::to_string).collect::<BTreeSet<_>>();
    assert!(others.len() == 3 && others.is_disjoint(&sentences), "{others:?}");
}

#[test]
fn an_extended_connect_that_fails_says_why() {
    use MalformedFields::*;
    let all = [
        Name,
        Value,
        ConnectionSpecific,
        PseudoFieldLate,
        PseudoFieldUnknown,
        PseudoFieldRepeated,
        MethodNotConnect,
        SchemeMissing,
        PathMissing,
        AuthorityMissing,
        HostDiffers,
    ];
    let source = include_str!("../src/handshake/extended_connect.rs");
    each_has_its_sentence(source, "MalformedFields", &all);
    let refused = ConnectFault::Refused(Refusal::OriginForbidden);
    let faults = [ConnectFault::NotExtended, ConnectFault::Malformed(Name), refused];
    each_has_its_sentence(source, "ConnectFault", &faults);
    assert_eq!(ConnectFault::from(PathMissing).to_string(), PathMissing.to_string());
    assert_eq!(refused.to_string(), Refusal::OriginForbidden.to_string());
}

#[test]
fn what_cannot_be_written_says_why() {
    use WriteError::*;
    let all = [
        BufferTooSmall { needed: 131 },
        FieldName,
        FieldValue,
        FieldReserved,
        Target,
        Origin,
        Subprotocol,
        SubprotocolRepeated,
        SubprotocolNotOffered,
        Extensions,
        ExtensionNotOffered,
        Status,
        BodyForbidden,
    ];
    each_has_its_sentence(include_str!("../src/handshake/write.rs"), "WriteError", &all);
    assert!(all[0].to_string().contains("131"), "{}", all[0]);
}

#[test]
fn s4_2_1_a_refusal_says_why() {
    use Refusal::*;
    #[allow(unused_mut)] // features add to it
    let mut all = vec![
        HeadMalformed,
        RequestLineMalformed,
        RequestLineTooLong,
        HeadTooLarge,
        TooManyFields,
        TimedOut,
        EndedEarly,
        MethodNotAllowed,
        HttpVersionUnsupported,
        TargetInvalid,
        HostMissing,
        HostRepeated,
        HostInvalid,
        BodyAnnounced,
        ContentLengthInvalid,
        TransferCodingUnknown,
        UpgradeMissing,
        ConnectionUpgradeMissing,
        VersionMissing,
        VersionRepeated,
        VersionInvalid,
        VersionUnsupported,
        KeyMissing,
        KeyRepeated,
        KeyInvalid,
        SubprotocolsInvalid,
        SubprotocolRepeated,
        TooManySubprotocols,
        ExtensionsInvalid,
        OriginRepeated,
        OriginForbidden,
        ProtocolUnsupported,
    ];
    #[cfg(feature = "hixie")]
    all.extend([
        OriginMissing,
        OriginsDiffer,
        ChallengeKeyMissing,
        ChallengeKeyRepeated,
        ChallengeKeyInvalid,
    ]);
    each_has_its_sentence(include_str!("../src/handshake/refusal.rs"), "Refusal", &all);
    // RFC 6455 §4.4, RFC 8441 §5: over a stream the versions spoken stand in a field, and nowhere else.
    for refusal in all {
        let about_version =
            matches!(refusal, VersionMissing | VersionRepeated | VersionInvalid | VersionUnsupported);
        let fields: &[_] = if about_version { &[("sec-websocket-version", "13")] } else { &[] };
        assert_eq!(refusal.stream_fields(), fields, "{refusal:?}");
        // RFC 9110 §15.5.22: a 426 has an Upgrade field, which no stream may have.
        let status = refusal.stream_status();
        assert!(
            status == refusal.status() && status != 426 || (status, refusal.status()) == (400, 426),
            "{refusal:?}"
        );
    }
}

#[test]
fn s4_1_a_response_that_is_no_good_says_why() {
    use ResponseError::*;
    #[allow(unused_mut)] // features add to it
    let mut all = vec![
        HeadMalformed,
        StatusLineMalformed,
        StatusLineTooLong,
        HeadTooLarge,
        TooManyFields,
        TooManyInterimResponses,
        TimedOut,
        EndedEarly,
        Status(418),
        HttpVersionUnsupported,
        UpgradeMissing,
        UpgradeInvalid,
        ConnectionUpgradeMissing,
        AcceptMissing,
        AcceptRepeated,
        AcceptWrong,
        SubprotocolMissing,
        SubprotocolRepeated,
        SubprotocolInvalid,
        SubprotocolNotOffered,
        ExtensionsInvalid,
        ExtensionNotOffered,
    ];
    #[cfg(feature = "hixie")]
    all.extend([
        OriginMissing,
        OriginRepeated,
        OriginWrong,
        LocationMissing,
        LocationRepeated,
        LocationWrong,
        ChallengeWrong,
    ]);
    each_has_its_sentence(include_str!("../src/handshake/response_error.rs"), "ResponseError", &all);
    assert!(Status(418).to_string().contains("418"));
}

#[test]
fn s3_a_uri_that_is_none_says_why() {
    use UriError::*;
    let all = [
        Scheme,
        Slashes,
        UserInformation,
        HostMissing,
        Host,
        Address,
        Port,
        Fragment,
        PercentEscape,
        Character,
    ];
    each_has_its_sentence(include_str!("../src/uri.rs"), "UriError", &all);
    assert_eq!(InvalidUtf8.to_string(), "the text is not UTF-8");
}

#[test]
fn every_kind_of_error_says_its_sentence() {
    let said: [(&dyn Error, &str); 11] = [
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
