//! Transports that hold back what they took, end one side alone, or fail on one side alone (RFC 6455 §7.1).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::{
    Cause, CloseCode, Config, Connection, Deadline, EndCode, Event, Keys, Reply, SendError, Timeouts,
};
use sockless_tokio::{Error, Message, WebSocketStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, ReadBuf};
use tokio::time::{Instant, sleep, timeout};

const DAY: Duration = Duration::from_secs(86_400);

fn client<S>(stream: S, config: Config) -> WebSocketStream<S> {
    WebSocketStream::from_upgraded(stream, Connection::client(config, Keys::from_seed([7; 32])), &[])
}

fn server<S>(stream: S, config: Config) -> WebSocketStream<S> {
    WebSocketStream::from_upgraded(stream, Connection::server(config), &[])
}

type Socket = WebSocketStream<DuplexStream>;

fn pair(buffer: usize, config: Config) -> (Socket, Socket) {
    let (near, far) = tokio::io::duplex(buffer);
    (client(near, config), server(far, config))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ended(told: Option<Error>) -> (EndCode, Cause) {
    match told {
        Some(Error::Ended(end)) => (end.code, end.cause),
        other => panic!("{other:?}"),
    }
}

/// Never gets rid of what it took, or never ends its side; counts the reads.
struct Stuck {
    stream: DuplexStream,
    flushes: bool,
    shuts: bool,
    reads: Arc<AtomicUsize>,
}

impl Stuck {
    fn new(stream: DuplexStream) -> Stuck {
        Stuck { stream, flushes: true, shuts: true, reads: Arc::default() }
    }
}

impl AsyncRead for Stuck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes { Pin::new(&mut self.stream).poll_flush(cx) } else { Poll::Pending }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.shuts { Pin::new(&mut self.stream).poll_shutdown(cx) } else { Poll::Pending }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_buffering_transport_took_is_flushed_by_who_receives() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (mut near, mut far) =
        (client(BufStream::new(near), Config::default()), server(far, Config::default()));
    let near = tokio::spawn(async move {
        while let Some((event, connection)) = near.next_event().await.transpose()? {
            if let Event::Text { text, .. } = event {
                connection.text(text).map_err(SendError::from)?;
            }
        }
        Ok::<(), Error>(())
    });
    let begun = Instant::now();
    far.send(Message::text("?")).await.unwrap();
    assert_eq!(far.next().await.unwrap().unwrap(), Message::text("?"));
    far.send(Message::Ping(Default::default())).await.unwrap();
    assert_eq!(far.next().await.unwrap().unwrap(), Message::Pong(Default::default()));
    far.close(None).await.unwrap();
    near.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited for a deadline");
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_never_ends_has_the_time_of_output() {
    for (output, given_up) in [(Some(seconds(5)), true), (None, false)] {
        let (near, _far) = tokio::io::duplex(1 << 16);
        let near = Stuck { flushes: false, ..Stuck::new(near) };
        let timeouts = Timeouts { output, ..Timeouts::DEFAULT };
        let mut near = server(near, Config::default().timeouts(timeouts));
        let begun = Instant::now();
        let sent = timeout(seconds(1000), near.send(Message::text("x"))).await;
        match sent {
            Ok(Err(Error::Io(error))) => {
                assert_eq!((error.kind(), given_up), (io::ErrorKind::TimedOut, true))
            }
            Err(_) => assert!(!given_up),
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed() < seconds(6), given_up);
    }
}

/// Each write shows that the transport got rid of something.
#[tokio::test(start_paused = true)]
async fn a_flush_that_is_slow_is_waited_for_while_it_takes_more() {
    let (near, _far) = tokio::io::duplex(1 << 16);
    let mut near = server(Stuck { flushes: false, ..Stuck::new(near) }, Config::default());
    for _ in 0..10 {
        assert!(timeout(seconds(15), near.send(Message::text("x"))).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_side_that_cannot_be_ended_keeps_no_task() {
    for closes in [true, false] {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let mut near = server(Stuck { shuts: false, ..Stuck::new(near) }, Config::default());
        match closes {
            true => far.write_all(b"\x88\x80\0\0\0\0").await.unwrap(),
            false => far.shutdown().await.unwrap(),
        }
        let mut seen = vec![];
        while let Some(message) = timeout(seconds(11), near.next()).await.expect("an end") {
            seen.push(message);
        }
        match (&seen[..], closes) {
            ([Ok(Message::Close(None))], true) => {}
            ([Err(Error::Ended(end))], false) => assert_eq!(end.cause, Cause::TransportEnded),
            other => panic!("{other:?}"),
        }
        timeout(seconds(1), near.close(None)).await.expect("no wait").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn s7_1_4_behind_the_end_of_input_what_is_queued_is_written_and_nothing_read() {
    let (near, mut far) = tokio::io::duplex(1 << 10);
    let near = Stuck::new(near);
    let reads = Arc::clone(&near.reads);
    let mut near = server(near, Config::default());
    near.feed(Message::binary(vec![7; 10_000])).await.unwrap();
    far.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(near.next().await.unwrap().unwrap(), Message::Close(None));
    let near = tokio::spawn(async move { (near.next().await.is_none(), near.end().copied()) });
    sleep(seconds(5)).await;
    assert!(reads.load(Ordering::Relaxed) < 5, "{reads:?} reads");
    let mut all = vec![];
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!((all.len(), &all[all.len() - 2..]), (4 + 10_000 + 2, &b"\x88\x00"[..]));
    let (over, end) = near.await.unwrap();
    assert!(over && end.unwrap().was_clean);
}

#[tokio::test(start_paused = true)]
async fn s7_1_4_behind_the_end_of_input_what_a_transport_holds_is_flushed() {
    let (near, mut far) = tokio::io::duplex(16);
    let mut near = server(BufStream::new(near), Config::default());
    near.feed(Message::binary(vec![7; 100])).await.unwrap();
    far.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    far.shutdown().await.unwrap();
    let near = tokio::spawn(async move {
        assert_eq!(near.next().await.unwrap().unwrap(), Message::Close(None));
        assert!(near.next().await.is_none());
    });
    sleep(seconds(3)).await;
    let mut all = vec![];
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!((all.len(), &all[all.len() - 2..]), (2 + 100 + 2, &b"\x88\x00"[..]));
    near.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_ends_that_close_behind_much_read_each_other() {
    let (mut near, mut far) = pair(1 << 16, Config::default());
    near.feed(Message::binary(vec![1; 300_000])).await.unwrap();
    far.feed(Message::binary(vec![2; 300_000])).await.unwrap();
    let begun = Instant::now();
    let (near, far) = tokio::join!(near.close(None), far.close(None));
    assert!(near.is_ok() && far.is_ok(), "{near:?} {far:?}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn two_ends_within_a_message_read_each_other() {
    let (mut near, mut far) = pair(1 << 16, Config::default());
    for socket in [&mut near, &mut far] {
        socket.connection().begin_binary(vec![1; 300_000]).map_err(SendError::from).unwrap();
    }
    near.connection().ping(b"").unwrap();
    far.connection().ping(b"").unwrap();
    for expected in [Message::Ping(Default::default()), Message::Pong(Default::default())] {
        let (near, far) = tokio::join!(timeout(seconds(1), near.next()), timeout(seconds(1), far.next()));
        for message in [near, far] {
            assert_eq!(message.expect("no wait").unwrap().unwrap(), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_sends_to_a_peer_that_has_ended_is_told() {
    let (near, mut far) = tokio::io::duplex(1 << 10);
    let (mut sender, mut receiver) = server(near, Config::default()).split();
    let sending = tokio::spawn(async move { sender.send(Message::binary(vec![7; 100_000])).await });
    sleep(seconds(1)).await;
    far.shutdown().await.unwrap();
    let wanted = (EndCode::ABNORMAL, Cause::TransportEnded);
    assert_eq!(ended(receiver.next().await.unwrap().err()), wanted);
    assert_eq!(ended(timeout(seconds(1), sending).await.expect("told").unwrap().err()), wanted);

    let (near, mut far) = tokio::io::duplex(1 << 10);
    let mut near = server(near, Config::default());
    near.feed(Message::binary(vec![7; 10_000])).await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(ended(near.next().await.unwrap().err()), wanted);
    assert_eq!(ended(timeout(seconds(1), near.flush()).await.expect("told").err()), wanted);
}

#[tokio::test(start_paused = true)]
async fn s7_1_5_what_came_before_a_write_failed_is_received_and_the_close_with_it() {
    for fed in [false, true] {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let mut near = client(near, Config::default());
        far.write_all(b"\x81\x01a\x81\x01b\x88\x0a\x03\xf0too much").await.unwrap();
        drop(far);
        if fed {
            near.feed(Message::text("answer")).await.unwrap();
        } else {
            assert_eq!(near.next().await.unwrap().unwrap(), Message::text("a"));
            let sent = near.send(Message::text("answer")).await;
            assert!(matches!(sent, Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe));
        }
        let mut seen = vec![];
        while let Some(message) = near.next().await {
            seen.push(message);
        }
        let end = seen.pop().unwrap().err();
        assert_eq!(ended(end), (CloseCode::POLICY_VIOLATION.into(), Cause::ClosedByPeer));
        let close = Message::Close(Some((CloseCode::POLICY_VIOLATION, "too much".into())));
        let seen: Vec<Message> = seen.into_iter().map(Result::unwrap).collect();
        assert_eq!(seen, [Message::text("a"), Message::text("b"), close][usize::from(!fed)..]);
    }
}

/// Takes nothing and gives nothing.
struct Broken;

#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Cut {}

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other(Cut)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_in_one_half_is_told_to_the_other() {
    let (mut sender, mut receiver) = server(Broken, Config::default().timeouts(Timeouts::NONE)).split();
    let receiving = tokio::spawn(async move { receiver.next().await });
    sleep(seconds(1)).await;
    let told = [sender.send(Message::text("x")).await, sender.flush().await].map(Result::err);
    let received = timeout(DAY, receiving).await.expect("woken").unwrap().unwrap().err();
    let Some(Error::Io(first)) = &received else { panic!("{received:?}") };
    assert!(first.get_ref().is_some_and(|cause| cause.is::<Cut>()), "as it came");
    for error in told.into_iter().chain([received]) {
        assert_eq!(error.expect("an error").to_string(), "the transport failed: broken");
    }
}

#[tokio::test(start_paused = true)]
async fn s5_5_1_a_close_answered_by_one_half_ends_the_side_that_the_other_keeps() {
    let (mut near, far) = pair(1 << 16, Config::default().closes(Reply::Manual).timeouts(Timeouts::NONE));
    let (mut sender, mut receiver) = far.split();
    let receiving = tokio::spawn(async move {
        let seen = [receiver.next().await, receiver.next().await];
        seen.map(|message| message.map(Result::unwrap))
    });
    let closing = tokio::spawn(async move { near.close(None).await });
    sleep(seconds(1)).await;
    sender.send(Message::Close(None)).await.unwrap();
    timeout(DAY, closing).await.expect("the end").unwrap().unwrap();
    assert_eq!(receiving.await.unwrap(), [Some(Message::Close(None)), None]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_one_half_saw_first_is_told_to_both() {
    let timeouts = Timeouts { ping_interval: None, ..Timeouts::DEFAULT };
    let (near, _far) = pair(16, Config::default().timeouts(timeouts));
    let (mut sender, mut receiver) = near.split();
    // The sender first.
    let sending = sender.send(Message::binary(vec![0; 1000]));
    let (sent, received) = futures_util::future::join(sending, receiver.next()).await;
    let wanted = (EndCode::ABNORMAL, Cause::TimedOut(Deadline::Output));
    assert_eq!(ended(sent.err()), wanted);
    assert_eq!(ended(received.unwrap().err()), wanted);
    assert!(receiver.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_and_speaks_is_not_silent() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let mut near = server(Stuck::new(near), Config::default());
    let (mut read, mut write) = tokio::io::split(far);
    let reading = tokio::spawn(async move {
        let mut all = 0;
        while all < 6 << 20 {
            sleep(seconds(1)).await;
            all += read.read(&mut [0; 40 << 10]).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while write.write_all(b"\x8a\x80\0\0\0\0").await.is_ok() {
            sleep(seconds(1)).await;
        }
    });
    near.feed(Message::binary(vec![7; 6 << 20])).await.unwrap();
    let receiving = async { while let Some(Ok(_)) = near.next().await {} };
    tokio::select! {
        () = receiving => panic!("{:?}", near.end()),
        read = reading => read.unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_transport_holds_for_a_slow_peer_is_not_given_up() {
    let (near, mut far) = tokio::io::duplex(128);
    let mut near = server(BufStream::new(near), Config::default());
    let reading = tokio::spawn(async move {
        let mut all = vec![];
        while all.len() < 4 + 5000 {
            sleep(seconds(1)).await;
            let mut part = [0; 100];
            let len = far.read(&mut part).await.unwrap();
            all.extend_from_slice(&part[..len]);
        }
    });
    // The buffer holds it all from the first moment on, and it takes longer than output may stand.
    near.send(Message::binary(vec![7; 5000])).await.unwrap();
    reading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s7_1_a_close_that_a_transport_holds_has_the_time_of_closing_and_is_not_clean() {
    for (wire, ends) in [
        (&b"\x88\x80\0\0\0\0"[..], false),
        (b"\x88\x80\0\0\0\0", true),
        (b"\x81\x01x", false), // unmasked: a fault
    ] {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let timeouts = Timeouts { output: None, ..Timeouts::DEFAULT };
        let near = Stuck { flushes: false, shuts: false, ..Stuck::new(near) };
        let mut near = server(near, Config::default().timeouts(timeouts));
        far.write_all(wire).await.unwrap();
        if ends {
            far.shutdown().await.unwrap();
        }
        let begun = Instant::now();
        let mut last = None;
        while let Some(message) = timeout(DAY, near.next()).await.expect("an end") {
            last = Some(message);
        }
        assert!(begun.elapsed() <= seconds(11), "{:?}", begun.elapsed());
        assert!(matches!(&last, Some(Err(Error::Ended(end))) if !end.was_clean), "{last:?}");
        assert!(!near.end().unwrap().was_clean);
    }
}

/// Without its share of the task's time a transport says that there is nothing to read.
#[tokio::test(start_paused = true)]
async fn s7_1_5_all_that_came_before_a_write_failed_is_received() {
    for spent in [0, 100, 128] {
        let (near, mut far) = tokio::io::duplex(8 << 20);
        let mut near = client(near, Config::default());
        let message = [&b"\x82\x7e\x40\0"[..], &[7; 1 << 14]].concat();
        far.write_all(&message.repeat(300)).await.unwrap();
        far.write_all(b"\x88\x02\x03\xf0").await.unwrap();
        drop(far);
        near.feed(Message::text("x")).await.unwrap();
        for _ in 0..spent {
            tokio::task::coop::consume_budget().await;
        }
        let mut messages = 0;
        let end = loop {
            match near.next().await {
                Some(Ok(message)) => messages += usize::from(message.is_data()),
                end => break end.unwrap().err(),
            }
        };
        let wanted = (CloseCode::POLICY_VIOLATION.into(), Cause::ClosedByPeer);
        assert_eq!((messages, ended(end)), (300, wanted), "{spent}");
    }
}
