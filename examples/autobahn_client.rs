//! The echo client that the Autobahn suite tests: `--url ws://127.0.0.1:9002` and `--agent NAME`.

mod autobahn;
mod blocking;
mod compression;

use std::error::Error;
use std::net::TcpStream;

use autobahn::{config, echo};
use blocking::Socket;
use sockless::handshake::{ClientHandshake, ClientRequest, Offer, Outcome};
use sockless::{Connection, End, Event, Keys, Uri};

fn main() -> Result<(), Box<dyn Error>> {
    let url = option("--url").unwrap_or_else(|| "ws://127.0.0.1:9002".into());
    let agent = option("--agent").unwrap_or_else(|| "sockless".into());
    let mut cases = 0;
    visit(&format!("{url}/getCaseCount"), |_, event| {
        if let Event::Text { text, .. } = event {
            cases = text.parse().unwrap_or_default();
        }
    })?;
    for case in 1..=cases {
        // How a case ends is for the suite to judge.
        let _ = visit(&format!("{url}/runCase?case={case}&agent={agent}"), echo);
    }
    visit(&format!("{url}/updateReports?agent={agent}"), |_, _| {})?;
    println!("{cases} cases");
    Ok(())
}

fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn visit(url: &str, on_event: impl FnMut(&mut Connection, Event<'_>)) -> Result<End, Box<dyn Error>> {
    let uri = Uri::parse(url)?;
    let stream = TcpStream::connect(format!("{}:{}", uri.host(), uri.port()))?;
    stream.set_nodelay(true)?;
    let extensions = compression::offer();
    let offer = Offer { extensions: extensions.as_deref(), ..Offer::default() };
    let request = ClientRequest { offer, ..ClientRequest::new(uri) };
    let handshake = ClientHandshake::new(&request, Keys::from_os()?, Default::default())?;
    let mut buffer = vec![0; 16 << 10];
    let (outcome, rest) = blocking::open(&stream, handshake, &mut buffer)?;
    let connection = match outcome {
        Outcome::Established(established) => {
            let agreed = compression::agreed(&established)?;
            compression::applied(established.open(config()), agreed)
        }
        Outcome::Refused(head) => return Err(blocking::refused(&head).into()),
    };
    Ok(Socket::new(stream, connection).run(&mut buffer[rest], on_event)?)
}
