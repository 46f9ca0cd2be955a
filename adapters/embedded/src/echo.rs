use sockless::{SendError, Session, SessionEvent};

/// Sends back what came, part by part. The output has to hold a frame of whatever is read at a time.
pub fn echo(
    session: &mut Session<'_>,
    event: SessionEvent<'_>,
    output: &mut [u8],
) -> Result<usize, SendError> {
    match event {
        SessionEvent::Text { text, first: true, last: true } => session.text(&text, output),
        SessionEvent::Text { text, first: true, last: false } => session.begin_text(&text, output),
        SessionEvent::Text { text, last, .. } => go_on(session, text.as_bytes(), last, output),
        SessionEvent::Binary { data, first: true, last: true } => session.binary(&data, output),
        SessionEvent::Binary { data, first: true, last: false } => session.begin_binary(&data, output),
        SessionEvent::Binary { data, last, .. } => go_on(session, &data, last, output),
        SessionEvent::Ping(_) | SessionEvent::Pong(_) | SessionEvent::Close { .. } => Ok(0),
    }
}

fn go_on(session: &mut Session<'_>, data: &[u8], last: bool, output: &mut [u8]) -> Result<usize, SendError> {
    if last { session.finish(data, output) } else { session.more(data, output) }
}
