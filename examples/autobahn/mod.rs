//! What the suite's client and server have in common.

use sockless::{Config, Connection, Event, Limits};

/// The suite sends up to 16 MiB, and 4 MiB in 65,536 fragments.
pub fn config() -> Config {
    Config::default().limits(Limits::for_messages(32 << 20)).high_water(64 << 20)
}

pub fn echo(connection: &mut Connection, event: Event<'_>) {
    // What is refused came behind our Close.
    let _ = match event {
        Event::Text { text, .. } => connection.text(text).map_err(drop),
        Event::Binary { data, .. } => connection.binary(data).map_err(drop),
        Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => Ok(()),
    };
}
