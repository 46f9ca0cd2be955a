//! The driver without an allocator on a socket, to try it against others: `tcp serve ADDRESS` echoes, one client after the
//! other; `tcp connect ADDRESS` sends ten messages, wants them back and closes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sockless::handshake::{ClientRequest, OriginPolicy};
use sockless::{CloseCode, Config, End, Keys, Limits, Moment, SendError, Session, SessionEvent, Uri};
use sockless_embedded::{Endpoint, Turn, Wire, echo};

const CONFIG: Config = Config::DEFAULT.limits(Limits::for_messages(64 << 20));

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on ws://{}/", listener.local_addr()?);
            std::io::stdout().flush()?;
            for stream in listener.incoming() {
                println!("{}", serve(stream?));
            }
        }
        ["connect", address] => println!("{}", connect(TcpStream::connect(address)?, address)?),
        _ => return Err("tcp serve ADDRESS, or tcp connect ADDRESS".into()),
    }
    Ok(())
}

fn serve(stream: TcpStream) -> String {
    let (mut input, mut output) = ([0; 1024], [0; 1040]);
    let mut server = Endpoint::server(Tcp(stream), &CONFIG, OriginPolicy::Any, [&mut input, &mut output]);
    match drive(&mut server, echo, |_| Ok(())) {
        Ok(end) => format!("{} {}", end.code, end.cause),
        Err(error) => error,
    }
}

fn connect(stream: TcpStream, address: &str) -> Result<String, Box<dyn std::error::Error>> {
    let (mut input, mut output) = ([0; 1024], [0; 1040]);
    let uri = format!("ws://{address}/");
    let request = ClientRequest::new(Uri::parse(&uri)?);
    // A device has a register for this.
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let mut keys = Keys::from_seed(seed);
    let mut client = Endpoint::client(Tcp(stream), &CONFIG, &request, &mut keys, [&mut input, &mut output]);
    let (back, mut sent) = (std::cell::Cell::new(0), 0);
    let count = |_: &mut Session<'_>, event: SessionEvent<'_>, _: &mut [u8]| {
        if let SessionEvent::Text { text, .. } = event {
            back.set(back.get() + usize::from(text.starts_with("message ")));
        }
        Ok(0)
    };
    let end = drive(&mut client, count, |client| {
        if sent < 10 && client.is_open() {
            let text = format!("message {sent}");
            client
                .send(|session, output| session.text(&text, output))
                .map_err(|error| format!("{error:?}"))?;
            sent += 1;
        } else if back.get() == 10 {
            back.set(0);
            let close = |session: &mut Session<'_>, output: &mut [u8]| {
                session.close(Some(CloseCode::NORMAL), "done", output)
            };
            client.send(close).map_err(|error| format!("{error:?}"))?;
        }
        Ok(())
    })?;
    Ok(format!("{sent} sent, {} {}, clean: {}", end.code, end.cause, end.was_clean))
}

/// Takes turns until the end; `between` sends.
fn drive<'b>(
    endpoint: &mut Endpoint<'b, Tcp>,
    mut on_event: impl FnMut(&mut Session<'b>, SessionEvent<'_>, &mut [u8]) -> Result<usize, SendError>,
    mut between: impl FnMut(&mut Endpoint<'b, Tcp>) -> Result<(), String>,
) -> Result<End, String> {
    let start = Instant::now();
    loop {
        match endpoint.turn(Moment::from(start.elapsed()), &mut on_event) {
            Ok(Turn::Over(end)) => return Ok(end),
            Ok(Turn::Wait(_)) => {}
            Err(error) => return Err(format!("{error:?}")),
        }
        between(endpoint)?;
        // A device would sleep until an interrupt or the moment of the turn.
        std::thread::sleep(Duration::from_micros(200));
    }
}

struct Tcp(TcpStream);

impl embedded_io::ErrorType for Tcp {
    type Error = std::io::Error;
}

impl embedded_io::Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl embedded_io::Write for Tcp {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl embedded_io::ReadReady for Tcp {
    fn read_ready(&mut self) -> std::io::Result<bool> {
        self.0.set_nonblocking(true)?;
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false)?;
        // An error shows again when it is read.
        Ok(!matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock))
    }
}

impl Wire for Tcp {
    fn shutdown_write(&mut self) -> std::io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}
