use sockless::{Connection, Event, SendError};

/// Sends a message back.
pub fn echo(connection: &mut Connection, event: Event<'_>) {
    // The queue is not full: a server that echoes has no mark. What is refused came behind our Close: nobody waits for it.
    let _ = match event {
        Event::Text { text, .. } => connection.text(text).map_err(SendError::from),
        Event::Binary { data, .. } => connection.binary(data).map_err(SendError::from),
        Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => Ok(()),
    };
}
