use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_core::Stream;
use futures_sink::Sink;
use sockless::{CloseCode, End};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Error, Message, WebSocketStream};

/// The receiving half of a [`WebSocketStream`]: it answers pings and closes, and keeps the deadlines.
#[derive(Debug)]
pub struct SplitReceiver<S>(Arc<Shared<S>>);

/// The sending half of a [`WebSocketStream`].
#[derive(Debug)]
pub struct SplitSender<S>(Arc<Shared<S>>);

/// What the halves share. The lock is held while something is polled, never across a wait.
#[derive(Debug)]
struct Shared<S> {
    socket: Mutex<WebSocketStream<S>>,
    wakers: Arc<Wakers>,
}

/// A transport remembers one task to wake for each direction, and both halves write. So it is given one waker that
/// wakes them both.
#[derive(Debug, Default)]
struct Wakers {
    receiver: Mutex<Option<Waker>>,
    sender: Mutex<Option<Waker>>,
}

pub(crate) fn split<S>(socket: WebSocketStream<S>) -> (SplitSender<S>, SplitReceiver<S>) {
    let shared = Arc::new(Shared { socket: Mutex::new(socket), wakers: Arc::default() });
    (SplitSender(Arc::clone(&shared)), SplitReceiver(shared))
}

impl<S> SplitReceiver<S> {
    /// How the connection ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.0.lock().end().copied()
    }

    /// The two halves in one again, or both back if they are not of the same socket.
    pub fn reunite(
        self,
        sender: SplitSender<S>,
    ) -> Result<WebSocketStream<S>, (SplitReceiver<S>, SplitSender<S>)> {
        if !Arc::ptr_eq(&self.0, &sender.0) {
            return Err((self, sender));
        }
        drop(sender);
        Arc::try_unwrap(self.0)
            .map(|shared| shared.socket.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
            .map_err(|_| unreachable!("a half cannot be cloned"))
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, WebSocketStream<S>> {
        self.socket.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Polls with a waker for both halves, after one of them left its own in `slot`. What it does to the transport
    /// concerns the other half too.
    fn poll<T>(
        &self,
        slot: &Mutex<Option<Waker>>,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut WebSocketStream<S>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        set(slot, cx.waker());
        let both = Waker::from(Arc::clone(&self.wakers));
        let mut socket = self.lock();
        let before = socket.standing();
        let polled = poll(&mut socket, &mut Context::from_waker(&both));
        let changed = before != socket.standing();
        drop(socket);
        if changed {
            both.wake();
        }
        polled
    }
}

fn set(slot: &Mutex<Option<Waker>>, waker: &Waker) {
    let mut slot = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match &mut *slot {
        Some(there) => there.clone_from(waker),
        empty => *empty = Some(waker.clone()),
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Wakers>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Wakers>) {
        for slot in [&self.receiver, &self.sender] {
            let waker = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for SplitReceiver<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        self.0.poll(&self.0.wakers.receiver, cx, |socket, cx| {
            let step = ready!(socket.poll_step(cx));
            Poll::Ready(step.map(|step| step.map(|step| socket.lend(step))))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for SplitSender<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(&self.0.wakers.sender, cx, |socket, cx| socket.poll_room(cx))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.0.lock().queue(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(&self.0.wakers.sender, cx, |socket, cx| socket.poll_flushed(cx))
    }

    /// Closes with 1000 unless a Close was sent. The receiving half sees the end.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(&self.0.wakers.sender, cx, |socket, cx| {
            let _ = socket.connection().close(Some(CloseCode::NORMAL), "");
            socket.poll_flushed(cx)
        })
    }
}
