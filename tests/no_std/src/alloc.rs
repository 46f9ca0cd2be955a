//! A connection that echoes, in a program without std and with an allocator alone.

#![no_std]
#![no_main]

extern crate alloc;

mod start;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use sockless::{Config, Connection, Event};

/// Memory that is taken and never given back.
struct Bump;

static USED: AtomicUsize = AtomicUsize::new(0);
static mut MEMORY: [u8; 1 << 20] = [0; 1 << 20];

unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let room = layout.size() + layout.align();
        let start = USED.fetch_add(room, Ordering::Relaxed);
        if start + room > 1 << 20 {
            return core::ptr::null_mut();
        }
        let memory = unsafe { (&raw mut MEMORY).cast::<u8>().add(start) };
        unsafe { memory.add(memory.align_offset(layout.align())) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    start::exit(echo().unwrap_or(false))
}

fn echo() -> Option<bool> {
    let mut connection = Connection::server(Config::default());
    // "Hello" in two reads, masked with four zeros.
    let mut read = *b"\x81\x85\0\0\0\0Hel";
    let mut input = &mut read[..];
    if connection.receive(&mut input).ok()?.is_some() {
        return None;
    }
    let mut read = *b"lo";
    let mut input = &mut read[..];
    match connection.receive(&mut input).ok()?? {
        Event::Text { text, .. } => connection.text(text).ok()?,
        _ => return None,
    }
    Some(connection.queued() == 7)
}
