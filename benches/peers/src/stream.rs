//! A stream in memory for peers that own theirs: reads give the wire's bytes, and some of them again, until nothing
//! more comes; writes go nowhere.

use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use wtx::stream::{StreamReader, StreamWriter};

use crate::seen::Seen;

#[derive(Clone)]
pub struct Stream {
    wire: Arc<[u8]>,
    at: usize,
    /// Where the wire begins again, and how often it does.
    again: usize,
    rounds: usize,
    /// The most bytes of one read.
    read: usize,
    tap: Tap,
}

/// Where to see what was written, and how often the wire has begun again. Some peers ask that it can go to another
/// thread.
#[derive(Clone, Default)]
pub struct Tap(Arc<(AtomicBool, Mutex<Vec<u8>>, AtomicUsize)>);

impl Tap {
    /// Runs something that writes.
    pub fn watch(&self, seen: &mut Seen, run: impl FnOnce()) {
        self.0.0.store(seen.keeps(), Relaxed);
        run();
        if seen.keeps() {
            seen.see(&std::mem::take(&mut *self.0.1.lock().expect("no panic")));
        }
    }

    /// Only `rules` asks.
    #[allow(dead_code)]
    pub fn rounds(&self) -> usize {
        self.0.2.load(Relaxed)
    }

    #[inline]
    fn see(&self, bytes: &[u8]) {
        std::hint::black_box(bytes);
        if self.0.0.load(Relaxed) {
            self.0.1.lock().expect("no panic").extend_from_slice(bytes);
        }
    }
}

impl Stream {
    /// The whole wire for ever.
    pub fn endless(wire: Vec<u8>, read: usize) -> (Stream, Tap) {
        Stream::new(wire, 0, usize::MAX, read)
    }

    /// The wire, and what lies behind `again` so many `rounds` more. Then reads have to wait.
    pub fn new(wire: Vec<u8>, again: usize, rounds: usize, read: usize) -> (Stream, Tap) {
        let tap = Tap::default();
        (Stream { wire: wire.into(), at: 0, again, rounds, read, tap: tap.clone() }, tap)
    }

    #[inline]
    fn next(&mut self, most: usize) -> Option<&[u8]> {
        if self.at == self.wire.len() {
            self.rounds = self.rounds.checked_sub(1)?;
            self.at = self.again;
            self.tap.0.2.fetch_add(1, Relaxed);
        }
        let rest = &self.wire[self.at..];
        let len = rest.len().min(most).min(self.read);
        self.at += len;
        Some(&rest[..len])
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(into.len()).ok_or(io::ErrorKind::WouldBlock)?;
        into[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tap.see(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().for_each(|slice| self.tap.see(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = into.remaining();
        let Some(bytes) = self.next(most) else { return Poll::Pending };
        into.put_slice(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_util::io::AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match Read::read(&mut *self, into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        }
    }
}

impl futures_util::io::AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl StreamReader for Stream {
    async fn read(&mut self, into: &mut [u8]) -> wtx::Result<usize> {
        Ok(AsyncReadExt::read(self, into).await.expect("memory"))
    }
}

impl StreamWriter for Stream {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        Write::write(self, bytes).expect("memory");
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        for slice in slices {
            Write::write(self, slice).expect("memory");
        }
        Ok(())
    }
}

/// Runs to its end what never has to wait.
#[inline]
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it had to wait"),
    }
}
