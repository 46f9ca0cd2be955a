//! WebSockets over HTTP/2 in memory: both ends are ours, `h2` is between them.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{Method, Request};
use sockless::handshake::{ClientRequest, OriginPolicy, Refusal, ResponseError};
use sockless::{Cause, CloseCode, Config, Deadline, End, Event, Keys, Timeouts, Uri};
use sockless_drivers::echo;
use sockless_drivers::http2::{self, AcceptError, ConnectError, Stream};
use tokio::task::JoinHandle;

/// What a server makes of one request.
type Outcome = Result<Option<End>, AcceptError>;

/// A connection, and the server's outcome of its first request.
async fn pair(policy: OriginPolicy<'static>, config: Config) -> (SendRequest<Bytes>, JoinHandle<Outcome>) {
    let (near, far) = tokio::io::duplex(64 << 10);
    let server = tokio::spawn(async move {
        let mut builder = h2::server::Builder::new();
        let mut http2 = builder.enable_connect_protocol().handshake::<_, Bytes>(far).await.unwrap();
        let (request, mut respond) = http2.accept().await.unwrap().unwrap();
        // Somebody has to carry the connection while the stream is served.
        tokio::spawn(async move { while http2.accept().await.is_some() {} });
        let mut socket = http2::accept(request, &mut respond, policy, config)?;
        Ok(socket.drive(echo).await)
    });
    let (mut client, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(connection);
    // The settings of the server have to come first.
    while !client.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
        std::future::poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    }
    (client, server)
}

async fn connect(http2: SendRequest<Bytes>, config: Config) -> Result<Stream, ConnectError> {
    let request = ClientRequest {
        origin: Some("https://a.example"),
        ..ClientRequest::new(Uri::parse("wss://a.example/echo?x").unwrap())
    };
    http2::connect(http2, &request, Keys::from_seed([3; 32]), config).await
}

#[tokio::test]
async fn everything_comes_back_and_the_stream_is_ended() {
    let (http2, server) = pair(OriginPolicy::SameHost, Config::default()).await;
    let mut client = connect(http2, Config::default()).await.unwrap();
    // More than HTTP/2's first window.
    let long = vec![7; 500_000];
    client.connection().text("hello").unwrap();
    client.connection().binary(&long[..]).unwrap();
    let mut back = Vec::new();
    let end = client.drive(|connection, event| {
        match event {
            Event::Text { text, .. } => back.push(text.into_string().into_bytes()),
            Event::Binary { data, .. } => back.push(data.into_vec()),
            _ => {}
        }
        if back.len() == 2 {
            let _ = connection.close(Some(CloseCode::NORMAL), "done");
        }
    });
    let end = end.await.unwrap();
    assert!(end.was_clean && end.reason.as_str() == "", "{end:?}");
    assert_eq!(back, [b"hello".to_vec(), long]);
    let end = server.await.unwrap().unwrap().unwrap();
    assert!(end.was_clean && end.cause == Cause::ClosedByPeer, "{end:?}");
}

/// A raw stream of frames, opened by an extended CONNECT with an additional field.
async fn raw(
    mut http2: SendRequest<Bytes>,
    field: (&'static str, &'static str),
) -> (http::Response<h2::RecvStream>, h2::SendStream<Bytes>) {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri("https://a.example/echo")
        .extension(h2::ext::Protocol::from_static("websocket"))
        .header(field.0, field.1)
        .body(())
        .unwrap();
    let (response, send) = http2.send_request(request, false).unwrap();
    (response.await.unwrap(), send)
}

/// The next data; `None` is END_STREAM.
async fn next(response: &mut http::Response<h2::RecvStream>) -> Option<Result<Bytes, h2::Error>> {
    loop {
        match response.body_mut().data().await {
            // The frame that carries END_STREAM and nothing else.
            Some(Ok(data)) if data.is_empty() => {}
            data => return data,
        }
    }
}

#[tokio::test]
async fn a_closing_handshake_ends_with_end_stream() {
    let (http2, server) = pair(OriginPolicy::Any, Config::default()).await;
    let (mut response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    assert_eq!(response.status(), 200);
    send.send_data(Bytes::from_static(b"\x88\x82\0\0\0\0\x03\xe8"), false).unwrap();
    assert_eq!(next(&mut response).await.unwrap().unwrap(), &b"\x88\x02\x03\xe8"[..]);
    assert!(next(&mut response).await.is_none(), "END_STREAM");
    send.send_data(Bytes::new(), true).unwrap();
    assert!(server.await.unwrap().unwrap().unwrap().was_clean);
}

#[tokio::test]
async fn a_peer_that_is_silent_gets_rst_stream() {
    let timeouts = Timeouts {
        ping_interval: Some(Duration::from_millis(50)),
        pong: Some(Duration::from_millis(50)),
        ..Timeouts::NONE
    };
    let (http2, server) = pair(OriginPolicy::Any, Config::default().timeouts(timeouts)).await;
    let (mut response, _send) = raw(http2, ("sec-websocket-version", "13")).await;
    assert_eq!(next(&mut response).await.unwrap().unwrap(), &b"\x89\0"[..]);
    let error = next(&mut response).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    assert_eq!(server.await.unwrap().unwrap().unwrap().cause, Cause::TimedOut(Deadline::Pong));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_not_read_and_gets_rst_stream() {
    let timeouts = Timeouts { output: Some(Duration::from_millis(200)), ..Timeouts::NONE };
    let (http2, server) = pair(OriginPolicy::Any, Config::default().timeouts(timeouts)).await;
    let (mut response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    // 60,000 bytes, masked with four zeros; the echoes are never read.
    let message = [&b"\x82\xfe\xea\x60\0\0\0\0"[..], &[1; 60_000]].concat();
    let mut accepted = 0;
    while accepted < 10_000_000 {
        send.reserve_capacity(message.len());
        let room = std::future::poll_fn(|cx| send.poll_capacity(cx));
        match tokio::time::timeout(Duration::from_millis(100), room).await {
            Ok(Some(Ok(_))) if send.capacity() >= message.len() => {
                accepted += message.len();
                send.send_data(message.clone().into(), false).unwrap();
            }
            Ok(Some(Ok(_))) => {}
            _ => break,
        }
    }
    assert!(accepted < 1_000_000, "the client could send {accepted} bytes");
    assert_eq!(server.await.unwrap().unwrap().unwrap().cause, Cause::TimedOut(Deadline::Output));
    let error = loop {
        match next(&mut response).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason(), Some(Reason::CANCEL));
}

/// END_STREAM can be read again at once, for ever, while a Close waits for the peer's window.
#[tokio::test]
async fn a_close_waits_for_the_window_behind_the_end_of_input() {
    let (http2, server) = pair(OriginPolicy::Any, Config::default()).await;
    let (mut response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    let message = [&b"\x82\xff\0\0\0\0\0\x01\x01\xd0\0\0\0\0"[..], &[7; 66_000]].concat();
    send.send_data(message.into(), false).unwrap();
    send.send_data(Bytes::from_static(b"\x88\x80\0\0\0\0"), true).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!server.is_finished(), "the Close has no room");
    let mut all = vec![];
    while let Some(data) = next(&mut response).await {
        let data = data.unwrap();
        response.body_mut().flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    assert_eq!((all.len(), &all[all.len() - 2..]), (10 + 66_000 + 2, &b"\x88\x00"[..]));
    assert!(server.await.unwrap().unwrap().unwrap().was_clean);
}

#[tokio::test]
async fn who_opens_its_window_slowly_and_answers_pings_is_not_silent() {
    let wait = Some(Duration::from_millis(50));
    let timeouts = Timeouts { ping_interval: wait, pong: wait, ..Timeouts::NONE };
    let (http2, server) = pair(OriginPolicy::Any, Config::default().timeouts(timeouts)).await;
    let (mut response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    // The answer is more than the window and what may be queued behind it.
    let message = [&b"\x82\xff\0\0\0\0\0\x03\x0d\x40\0\0\0\0"[..], &[7; 200_000]].concat();
    send.send_data(message.into(), false).unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        send.send_data(Bytes::from_static(b"\x8a\x80\0\0\0\0"), false).unwrap();
    }
    send.send_data(Bytes::from_static(b"\x88\x80\0\0\0\0"), true).unwrap();
    while let Some(data) = next(&mut response).await {
        response.body_mut().flow_control().release_capacity(data.unwrap().len()).unwrap();
    }
    assert!(server.await.unwrap().unwrap().unwrap().was_clean);
}

#[tokio::test]
async fn a_reset_by_the_peer_is_an_end() {
    let (http2, server) = pair(OriginPolicy::Any, Config::default()).await;
    let (_response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    send.send_reset(Reason::CANCEL);
    let end = server.await.unwrap().unwrap().unwrap();
    assert_eq!((end.cause, end.was_clean), (Cause::TransportEnded, false));
}

#[tokio::test]
async fn a_fault_is_answered_with_a_close_and_end_stream() {
    let (http2, server) = pair(OriginPolicy::Any, Config::default()).await;
    let (mut response, mut send) = raw(http2, ("sec-websocket-version", "13")).await;
    send.send_data(Bytes::from_static(b"\x81\x05Hello"), false).unwrap();
    assert_eq!(next(&mut response).await.unwrap().unwrap(), &b"\x88\x02\x03\xea"[..]);
    assert!(next(&mut response).await.is_none());
    send.send_data(Bytes::new(), true).unwrap();
    assert!(matches!(server.await.unwrap().unwrap().unwrap().cause, Cause::Failed(_)));
}

#[tokio::test]
async fn refusals_have_their_status_and_fields() {
    let (http2, server) = pair(OriginPolicy::Any, Config::default()).await;
    let (response, _) = raw(http2, ("sec-websocket-version", "12")).await;
    assert_eq!(response.status(), Refusal::VersionUnsupported.stream_status());
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert!(matches!(server.await.unwrap(), Err(AcceptError::Connect(_))));

    let (http2, _) = pair(OriginPolicy::List(&[]), Config::default()).await;
    let refused = connect(http2, Config::default()).await.err();
    assert!(matches!(refused, Some(ConnectError::Response(ResponseError::Status(403)))), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_does_not_offer_it_is_not_asked() {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let mut http2 = h2::server::handshake(far).await.unwrap();
        let _: Option<Result<(_, h2::server::SendResponse<Bytes>), _>> = http2.accept().await;
    });
    let (client, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(connection);
    assert!(matches!(connect(client, Config::default()).await.err(), Some(ConnectError::NotOffered)));
}
