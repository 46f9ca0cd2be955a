//! A server on a serial line, to see how large one is. It is linked, not run.

#![no_std]
#![no_main]

#[cfg_attr(target_arch = "arm", path = "start_arm.rs")]
#[allow(dead_code)] // not for every program
mod start;
mod uart;

use sockless::Config;
use sockless::handshake::OriginPolicy;
use sockless_embedded::{Endpoint, Turn, echo};

static CONFIG: Config = Config::DEFAULT;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    let (mut input, mut output) = ([0; 512], [0; 528]);
    loop {
        let mut server = Endpoint::server(uart::Uart, &CONFIG, OriginPolicy::Any, [&mut input, &mut output]);
        while let Ok(Turn::Wait(_)) = server.turn(uart::now(), echo) {}
    }
}
