//! Both ends of a WebSocket from the first byte of the handshake to the last of the close, over a pipe in memory, in a
//! program without std and without an allocator. It prints what memory that took.

#![no_std]
#![no_main]

#[cfg_attr(target_arch = "arm", path = "start_arm.rs")]
#[allow(dead_code)] // not for every program
mod start;

use core::time::Duration;

use sockless::handshake::{ClientRequest, OriginPolicy};
use sockless::{CloseCode, Config, Keys, Moment, SendError, Session, SessionEvent, Uri};
use sockless_embedded::{Endpoint, Fifo, Pipe, Turn, echo};

static CONFIG: Config = Config::DEFAULT;

type Wire<'a> = Pipe<'a, 512>;

/// What is painted below the stack's pointer before the run, in words, and looked at afterwards.
const PAINTED: usize = 8 << 10;
const PAINT: usize = 0x5a5a_5a5a;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    let mark = 0usize;
    let top = &raw const mark;
    paint(top);
    let passed = converse() == Some(true);
    start::print("stack high-water: ", high_water(top));
    start::print("one endpoint: ", size_of::<Endpoint<'_, Wire<'_>>>());
    start::print("a client's keys: ", size_of::<Keys>());
    start::exit(passed)
}

/// Fills the stack below this frame, where `converse` will have its own.
#[inline(never)]
fn paint(top: *const usize) {
    // The frame of this function, and the words that it is allowed to use below it.
    const OWN: usize = 64;
    for word in OWN..PAINTED {
        unsafe { top.cast_mut().wrapping_sub(word).write_volatile(PAINT) };
    }
}

/// The bytes between `top` and the lowest word that no longer is as it was painted.
#[inline(never)]
fn high_water(top: *const usize) -> usize {
    let unpainted = |word: &usize| unsafe { top.wrapping_sub(*word).read_volatile() } != PAINT;
    (0..PAINTED).rev().find(unpainted).unwrap_or(0) * size_of::<usize>()
}

#[inline(never)]
fn converse() -> Option<bool> {
    let (there, back) = (Fifo::new(), Fifo::new());
    let near: Wire<'_> = Pipe { from: &back, to: &there };
    let far: Wire<'_> = Pipe { from: &there, to: &back };
    let mut memory = [[0; 256]; 4];
    let [client_input, client_output, server_input, server_output] = &mut memory;
    let mut keys = Keys::from_seed([1; 32]);
    let request = ClientRequest::new(Uri::parse("ws://a.example/chat").ok()?);
    let mut client = Endpoint::client(near, &CONFIG, &request, &mut keys, [client_input, client_output]);
    let mut server = Endpoint::server(far, &CONFIG, OriginPolicy::Any, [server_input, server_output]);

    let mut second = 0;
    while !client.is_open() {
        client.turn(at(second), ignore).ok()?;
        server.turn(at(second), echo).ok()?;
        second += 1;
    }
    client.send(|session, output| session.text("hello", output)).ok()?;
    client.send(|session, output| session.binary(&[7; 200], output)).ok()?;
    server.turn(at(second), echo).ok()?;
    let (mut texts, mut bytes) = (0, 0);
    let turn = client.turn(at(second), |_, event, _| {
        match event {
            SessionEvent::Text { text, .. } => texts += usize::from(&*text == "hello"),
            SessionEvent::Binary { data, .. } => bytes += data.iter().filter(|byte| **byte == 7).count(),
            _ => {}
        }
        Ok(0)
    });
    // Both are silent, ping and are answered.
    let Turn::Wait(Some(ping)) = turn.ok()? else { return None };
    for _ in 0..2 {
        client.turn(ping, ignore).ok()?;
        server.turn(ping, echo).ok()?;
    }
    client.send(|session, output| session.close(Some(CloseCode::NORMAL), "done", output)).ok()?;
    server.turn(ping, echo).ok()?;
    let Turn::Over(end) = client.turn(ping, ignore).ok()? else { return None };
    Some(texts == 1 && bytes == 200 && end.was_clean)
}

fn ignore(_: &mut Session<'_>, _: SessionEvent<'_>, _: &mut [u8]) -> Result<usize, SendError> {
    Ok(0)
}

fn at(second: u64) -> Moment {
    Moment::from(Duration::from_secs(second))
}
