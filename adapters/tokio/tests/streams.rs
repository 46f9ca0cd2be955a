//! Two ends over an in-memory transport that takes and gives a few bytes at a time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{
    Acceptance, ClientRequest, Offer, OriginPolicy, Refusal, Response, WriteError,
};
use sockless_tokio::sockless::{
    Cause, CloseCode, Config, Connection, Deadline, Event, Limits, Timeouts, Uri,
};
use sockless_tokio::{Error, Incoming, Message, WebSocketStream, accept, connect_with};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

type Socket = WebSocketStream<DuplexStream>;

/// Both ends of a WebSocket, with so many bytes of buffer in between.
async fn pair(buffer: usize, config: Config) -> (Socket, Socket) {
    let (near, far) = tokio::io::duplex(buffer);
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let server = async { accept(far, OriginPolicy::Any).await.unwrap() };
    let (client, server) = tokio::join!(connect_with(near, &request, config), server);
    (client.unwrap(), server)
}

/// Sends everything back until the end.
async fn echo(mut socket: Socket) -> Option<Error> {
    while let Some(message) = socket.next().await {
        match message {
            Ok(message) if message.is_data() => socket.send(message).await.ok()?,
            Ok(_) => {}
            Err(error) => return Some(error),
        }
    }
    None
}

#[tokio::test]
async fn messages_go_there_and_back_whatever_the_transport_takes_at_a_time() {
    for buffer in [1, 7, 1000, 1 << 20] {
        let (mut client, server) = pair(buffer, Config::default()).await;
        let server = tokio::spawn(echo(server));
        for message in [Message::text(""), Message::text("h\u{e9}llo"), Message::binary(vec![7; 100_000])] {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
        client.close(Some((CloseCode::NORMAL, "done"))).await.unwrap();
        assert!(client.end().unwrap().was_clean);
        assert!(server.await.unwrap().is_none());
    }
}

/// A pong in the queue made it full for an answer of the limit's length.
#[tokio::test]
async fn what_waits_does_not_refuse_the_next_message() {
    let (mut client, mut server) =
        pair(1 << 16, Config::default().limits(Limits::for_messages(4 << 20))).await;
    client.feed(Message::Ping("?".into())).await.unwrap();
    client.send(Message::text("as much as you can")).await.unwrap();
    let large = Message::binary(vec![7; 2 << 20]);
    let served = async {
        while !matches!(server.next().await, Some(Ok(Message::Text(_)))) {}
        server.feed(Message::text("small")).await.unwrap();
        server.send(large.clone()).await.unwrap();
        server.send(Message::text("and no less")).await.unwrap();
    };
    let received = async {
        let mut messages = vec![];
        for _ in 0..4 {
            messages.push(client.next().await.unwrap().unwrap());
        }
        messages
    };
    let (received, ()) = tokio::join!(received, served);
    let expected = [Message::Pong("?".into()), Message::text("small"), large, Message::text("and no less")];
    assert!(received == expected);
}

/// Gives these bytes and then nothing; nothing can be written.
struct Reset(&'static [u8]);

impl AsyncRead for Reset {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(std::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Reset {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
}

/// The answer to its Close can go nowhere, and nothing is waited for.
#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_and_resets_is_over_at_once() {
    let connection = Connection::server(Config::default());
    let mut socket = WebSocketStream::from_upgraded(Reset(b"\x88\x80\0\0\0\0"), connection, &[]);
    let started = tokio::time::Instant::now();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(None)))));
    assert!(matches!(socket.next().await, Some(Err(Error::Ended(end))) if !end.was_clean));
    assert!(socket.next().await.is_none());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// A peer would be right to use what was negotiated, and be called wrong. What is applied is the setup's to say.
#[tokio::test]
async fn extensions_that_nobody_applies_are_not_negotiated() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let offer = Offer { extensions: Some("permessage-deflate"), ..Offer::default() };
    let request = ClientRequest { offer, ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap()) };
    let asked = connect_with(near, &request, Config::default()).await;
    assert!(matches!(asked, Err(Error::Write(WriteError::Extensions))));
    drop(far);

    let (near, far) = tokio::io::duplex(1 << 16);
    let server = async {
        let incoming = Incoming::read(far).await.unwrap();
        let acceptance = Acceptance { extensions: Some("permessage-deflate"), ..Acceptance::default() };
        incoming.accept(OriginPolicy::Any, &acceptance, Config::default()).await.map(drop)
    };
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let (_, accepted) = tokio::join!(connect_with(near, &request, Config::default()), server);
    assert!(matches!(accepted, Err(Error::Write(WriteError::Extensions))));
}

#[tokio::test]
async fn an_event_is_lent() {
    let (mut client, mut server) = pair(1 << 16, Config::default()).await;
    client.send(Message::text("lent")).await.unwrap();
    match server.next_ref().await.unwrap().unwrap() {
        Event::Text { text, .. } => assert!(text.is_lent() && &*text == "lent"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_that_is_cancelled_at_every_poll_loses_nothing() {
    let (mut client, mut server) = pair(5, Config::default()).await;
    let sent: Vec<Message> = (0..50).map(|i| Message::text(format!("message {i}"))).collect();
    let expected = sent.clone();
    let client = tokio::spawn(async move {
        for message in sent {
            client.send(message).await.unwrap();
        }
        client.close(None).await.unwrap();
    });
    let mut received = Vec::new();
    loop {
        // The future is dropped after one poll, over and over.
        tokio::select! {
            biased;
            message = server.next() => match message {
                Some(message) => received.push(message.unwrap()),
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    received.retain(Message::is_data);
    assert_eq!(received, expected);
    client.await.unwrap();
}

#[tokio::test]
async fn a_lent_read_that_is_cancelled_at_every_poll_loses_nothing() {
    let (mut client, mut server) = pair(5, Config::default()).await;
    let client = tokio::spawn(async move {
        for i in 0..50 {
            client.send(Message::text(format!("message {i}"))).await.unwrap();
        }
        client.close(None).await.unwrap();
    });
    let mut received = 0;
    loop {
        tokio::select! {
            biased;
            event = server.next_ref() => match event {
                Some(Ok(Event::Text { text, .. })) => {
                    assert_eq!(&*text, format!("message {received}"));
                    received += 1;
                }
                Some(event) => drop(event.unwrap()),
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(received, 50);
    client.await.unwrap();
}

#[tokio::test]
async fn a_close_that_is_cancelled_at_every_poll_is_one_close() {
    let (mut client, server) = pair(3, Config::default()).await;
    let server = tokio::spawn(echo(server));
    loop {
        tokio::select! {
            biased;
            closed = client.close(Some((CloseCode::NORMAL, "once"))) => break closed.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(client.end().unwrap().was_clean);
    assert!(server.await.unwrap().is_none());
}

#[tokio::test]
async fn a_send_that_is_cancelled_at_every_poll_loses_and_doubles_nothing() {
    let (mut client, server) = pair(3, Config::default()).await;
    let (mut to_server, from_server) = (tokio::spawn(collect(server)), ());
    for i in 0..50 {
        client.feed(Message::text(format!("message {i}"))).await.unwrap();
        loop {
            tokio::select! {
                biased;
                flushed = client.flush() => break flushed.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    client.close(None).await.unwrap();
    let received = (&mut to_server).await.unwrap();
    assert_eq!(received, (0..50).map(|i| Message::text(format!("message {i}"))).collect::<Vec<_>>());
    from_server
}

async fn collect(mut socket: Socket) -> Vec<Message> {
    let mut received = Vec::new();
    while let Some(message) = socket.next().await {
        received.extend(message.ok().filter(Message::is_data));
    }
    received
}

#[tokio::test]
async fn halves_work_from_two_tasks_and_pongs_are_sent() {
    let (client, server) = pair(64, Config::default()).await;
    let (mut sender, mut receiver) = client.split();
    let server = tokio::spawn(async move {
        let mut server = server;
        server.send(Message::Ping("there?".into())).await.unwrap();
        let mut pongs = 0;
        while let Some(Ok(message)) = server.next().await {
            match message {
                Message::Pong(data) => pongs += usize::from(&data[..] == b"there?"),
                message if message.is_data() => server.send(message).await.unwrap(),
                _ => {}
            }
        }
        pongs
    });
    let writer = tokio::spawn(async move {
        for i in 0..200 {
            sender.send(Message::text(format!("{i}"))).await.unwrap();
        }
        sender
    });
    let mut received = 0;
    while received < 200 {
        if let Message::Text(text) = receiver.next().await.unwrap().unwrap() {
            assert_eq!(text, format!("{received}"));
            received += 1;
        }
    }
    let mut client = receiver.reunite(writer.await.unwrap()).unwrap();
    client.close(Some((CloseCode::NORMAL, ""))).await.unwrap();
    assert_eq!(server.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up() {
    let (mut client, server) = pair(1 << 16, Config::default()).await;
    match client.next().await {
        Some(Err(Error::Ended(end))) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Pong)),
        other => panic!("{other:?}"),
    }
    assert!(client.next().await.is_none());
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_given_up() {
    let timeouts = Timeouts { ping_interval: None, ..Timeouts::default() };
    let (mut client, server) = pair(16, Config::default().timeouts(timeouts)).await;
    client.feed(Message::binary(vec![0; 1000])).await.unwrap();
    match client.next().await {
        Some(Err(Error::Ended(end))) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Output)),
        other => panic!("{other:?}"),
    }
    drop(server);
}

#[tokio::test]
async fn a_peer_that_goes_away_is_an_end_that_is_not_clean() {
    let (mut client, server) = pair(1 << 16, Config::default()).await;
    drop(server);
    assert!(matches!(client.next().await, Some(Err(Error::Ended(end))) if end.code.value() == 1006));
    assert!(client.next().await.is_none());
    assert!(matches!(client.send(Message::text("x")).await, Err(Error::Send(_))));
}

#[tokio::test]
async fn a_message_over_the_limit_ends_with_1009_at_the_sender() {
    let (client, mut server) = pair(1 << 16, Config::default().limits(Limits::for_messages(10))).await;
    let client = tokio::spawn(echo(client));
    server.send(Message::text("eleven bytes")).await.unwrap();
    assert_eq!(
        server.next().await.unwrap().unwrap(),
        Message::Close(Some((CloseCode::MESSAGE_TOO_BIG, "".into())))
    );
    assert!(server.next().await.is_none());
    assert!(matches!(client.await.unwrap(), Some(Error::Ended(_))));
}

#[tokio::test]
async fn a_server_may_answer_with_something_else() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = async {
        let incoming = Incoming::read(far).await.unwrap();
        assert_eq!(incoming.head().path(), "/elsewhere");
        incoming.respond(&Response { status: 404, fields: &[], body: b"not here" }).await.unwrap();
    };
    let request = ClientRequest::new(Uri::parse("ws://a.example/elsewhere").unwrap());
    let (client, ()) = tokio::join!(connect_with(near, &request, Config::default()), server);
    assert!(matches!(client, Err(Error::Status(head)) if head.status() == 404));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_never_finished_is_given_up() {
    let (near, far) = tokio::io::duplex(1 << 16);
    assert!(matches!(accept(far, OriginPolicy::Any).await, Err(Error::Refused(_))));
    let (near2, _far) = tokio::io::duplex(1 << 16);
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let started = tokio::time::Instant::now();
    assert!(matches!(connect_with(near2, &request, Config::default()).await, Err(Error::Response(_))));
    assert_eq!(started.elapsed().as_secs(), Duration::from_secs(10).as_secs());
    drop(near);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_given_up_by_who_only_sends() {
    let (mut client, server) = pair(16, Config::default()).await;
    // Whoever receives is told too.
    for told in [client.send(Message::binary(vec![0; 1000])).await.err(), client.next().await.unwrap().err()]
    {
        match told {
            Some(Error::Ended(end)) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Output)),
            other => panic!("{other:?}"),
        }
    }
    assert!(client.next().await.is_none());
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_is_not_given_up_by_who_only_sends() {
    let (mut client, server) = pair(16, Config::default()).await;
    let slow = tokio::spawn(async move {
        let mut server = server;
        // What the transport holds, a few bytes a second: longer than any deadline.
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(futures_util::poll!(server.next()).is_pending());
        }
        collect(server).await
    });
    client.send(Message::binary(vec![7; 1000])).await.unwrap();
    client.close(None).await.unwrap();
    assert_eq!(slow.await.unwrap(), [Message::binary(vec![7; 1000])]);
}

#[tokio::test(start_paused = true)]
async fn a_close_from_one_half_is_given_up_by_the_other_in_time() {
    let timeouts = Timeouts { ping_interval: None, ..Timeouts::default() };
    let (client, server) = pair(1 << 16, Config::default().timeouts(timeouts)).await;
    let (mut sender, mut receiver) = client.split();
    let receiving = tokio::spawn(async move { receiver.next().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    sender.close().await.unwrap();
    match tokio::time::timeout(Duration::from_secs(60), receiving)
        .await
        .expect("the deadline of the Close")
        .unwrap()
    {
        Some(Err(Error::Ended(end))) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Close)),
        other => panic!("{other:?}"),
    }
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_sent_from_one_half_is_given_up_by_the_other_in_time() {
    let timeouts = Timeouts { ping_interval: None, ..Timeouts::default() };
    let (client, server) = pair(1 << 16, Config::default().timeouts(timeouts)).await;
    let (mut sender, mut receiver) = client.split();
    let receiving = tokio::spawn(async move { receiver.next().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    sender.send(Message::Close(None)).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(60), receiving).await;
    match end.expect("the deadline of the Close").unwrap() {
        Some(Err(Error::Ended(end))) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Close)),
        other => panic!("{other:?}"),
    }
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_begins_behind_a_later_one_is_kept() {
    let timeouts = Timeouts { ping_interval: Some(Duration::from_secs(60)), ..Timeouts::default() };
    let (mut client, server) = pair(1 << 16, Config::default().timeouts(timeouts)).await;
    let started = tokio::time::Instant::now();
    let waiting = tokio::time::timeout(Duration::from_secs(5), client.next()).await;
    assert!(waiting.is_err(), "nothing comes, and the ping is far away");
    match client.close(None).await {
        Err(Error::Ended(end)) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Close)),
        other => panic!("{other:?}"),
    }
    assert_eq!(started.elapsed().as_secs(), 15);
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_wakes_the_task_that_waits_now() {
    let (mut client, server) = pair(1 << 16, Config::default()).await;
    assert!(futures_util::poll!(client.next()).is_pending());
    // In another task, with another waker, before anything came due.
    match tokio::spawn(async move { client.next().await }).await.unwrap() {
        Some(Err(Error::Ended(end))) => assert_eq!(end.cause, Cause::TimedOut(Deadline::Pong)),
        other => panic!("{other:?}"),
    }
    drop(server);
}

#[tokio::test]
async fn subprotocol_and_fields_are_chosen_by_the_server() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = async {
        let incoming = Incoming::read(far).await.unwrap();
        assert_eq!(incoming.subprotocols().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(incoming.head().field("x-asked"), Some(&b"1"[..]));
        let subprotocol = incoming.choose_subprotocol(&["c", "a", "b"]);
        let acceptance = Acceptance { subprotocol, fields: &[("X-Given", "2")], ..Acceptance::default() };
        incoming.accept(OriginPolicy::Any, &acceptance, Config::default()).await.unwrap()
    };
    let request = ClientRequest {
        offer: Offer { subprotocols: &["b", "a"], ..Offer::default() },
        fields: &[("X-Asked", "1")],
        ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap())
    };
    let (client, server) = tokio::join!(connect_with(near, &request, Config::default()), server);
    let client = client.unwrap();
    assert_eq!(client.subprotocol(), Some("a"));
    assert_eq!(client.response().unwrap().field("x-given"), Some(&b"2"[..]));
    assert!(server.response().is_none());
}

#[tokio::test]
async fn an_origin_that_may_not_is_told_so() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let request = ClientRequest {
        origin: Some("https://elsewhere.example"),
        ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap())
    };
    let (client, server) =
        tokio::join!(connect_with(near, &request, Config::default()), accept(far, OriginPolicy::SameHost));
    assert!(matches!(client, Err(Error::Status(head)) if head.status() == 403));
    assert!(matches!(server, Err(Error::Refused(Refusal::OriginForbidden))));
}

/// What a server sends to a client that is refused, and how long it has to do with a client that goes on for so many
/// kilobytes and then ends its side, or does not.
async fn refused(kilobytes: usize, ends: bool) -> (Vec<u8>, Duration) {
    // Little room in between: nothing can be written that nobody reads.
    let (mut client, far) = tokio::io::duplex(1 << 10);
    let started = tokio::time::Instant::now();
    let server = tokio::spawn(async move {
        assert!(matches!(accept(far, OriginPolicy::Any).await, Err(Error::Refused(_))));
        started.elapsed()
    });
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(client);
    let writing = async {
        for _ in 0..kilobytes {
            writer.write_all(&[b'x'; 1024]).await.ok()?;
        }
        if ends { writer.shutdown().await.ok() } else { None }
    };
    let mut response = Vec::new();
    let (written, read) = tokio::join!(writing, reader.read_to_end(&mut response));
    assert_eq!((written.is_some(), read.is_ok()), (ends, true));
    (response, server.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_is_read_to_its_end_but_not_for_ever() {
    for (kilobytes, ends, time) in [(0, true, 0), (100, true, 0), (100, false, 1), (1000, false, 0)] {
        let (response, took) = refused(kilobytes, ends).await;
        assert!(response.starts_with(b"HTTP/1.1 426"), "{}", String::from_utf8_lossy(&response));
        assert_eq!(took.as_secs(), time, "{kilobytes} KiB");
    }
}

/// A transport whose end is a reset.
struct Resets(DuplexStream);

impl AsyncRead for Resets {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before;
        Poll::Ready(if ended { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) })
    }
}

impl AsyncWrite for Resets {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What a client makes of a server that does this with its side, and then resets.
async fn reset_after<F: Future<Output = ()>>(act: impl FnOnce(Socket) -> F) -> Option<Error> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let request = ClientRequest::new(Uri::parse("ws://a.example/").unwrap());
    let server = async { act(accept(far, OriginPolicy::Any).await.unwrap()).await };
    let client = async {
        let mut client = connect_with(Resets(near), &request, Config::default()).await.unwrap();
        while let Some(message) = client.next().await {
            if let Err(error) = message {
                return Some(error);
            }
        }
        None
    };
    tokio::join!(client, server).0
}

#[tokio::test]
async fn a_reset_behind_the_closing_handshake_is_no_error() {
    let closes = async |mut server: Socket| {
        server.send(Message::Close(None)).await.unwrap();
        // The answer; the end of the transport is not waited for.
        assert!(server.next().await.unwrap().is_ok());
    };
    assert!(reset_after(closes).await.is_none());
    assert!(matches!(reset_after(async |_| {}).await, Some(Error::Io(_))));
}
