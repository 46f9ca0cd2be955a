//! A client on a serial line, to see how large one is. It is linked, not run.

#![no_std]
#![no_main]

#[cfg_attr(target_arch = "arm", path = "start_arm.rs")]
#[allow(dead_code)] // not for every program
mod start;
mod uart;

use sockless::handshake::ClientRequest;
use sockless::{Config, Keys, Uri};
use sockless_embedded::{Endpoint, Turn, echo};

static CONFIG: Config = Config::DEFAULT;

#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    let (mut input, mut output) = ([0; 512], [0; 528]);
    if let Ok(uri) = Uri::parse("ws://a.example/chat") {
        let request = ClientRequest::new(uri);
        let mut keys = Keys::from_seed(uart::seed());
        let mut client = Endpoint::client(uart::Uart, &CONFIG, &request, &mut keys, [&mut input, &mut output]);
        while let Ok(Turn::Wait(_)) = client.turn(uart::now(), echo) {}
    }
    start::exit(true)
}
