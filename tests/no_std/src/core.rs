//! A session that echoes, in a program without std and without an allocator.

#![no_std]
#![no_main]

mod start;

use sockless::{Config, Keys, Session, SessionEvent};

static CONFIG: Config = Config::DEFAULT;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    start::exit(echo().unwrap_or(false))
}

fn echo() -> Option<bool> {
    let mut keys = Keys::from_seed([1; 32]);
    let mut client = Session::client(&CONFIG, &mut keys);
    let mut server = Session::server(&CONFIG);
    let (mut there, mut back) = ([0; 64], [0; 64]);
    let len = client.text("hello", &mut there).ok()?;
    let mut input = &mut there[..len];
    let len = match server.receive(&mut input).ok()?? {
        SessionEvent::Text { text, .. } => server.text(&text, &mut back).ok()?,
        _ => return None,
    };
    let mut input = &mut back[..len];
    match client.receive(&mut input).ok()?? {
        SessionEvent::Text { text, .. } => Some(&*text == "hello"),
        _ => None,
    }
}
