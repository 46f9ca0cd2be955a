//! The echo server that the Autobahn suite tests: `--listen ADDR`, by default 127.0.0.1:9001.

mod autobahn;
mod blocking;
mod compression;

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};

use autobahn::{config, echo};
use blocking::Socket;
use sockless::handshake::{Acceptance, OriginPolicy};

fn main() -> io::Result<()> {
    let listen = std::env::args().skip_while(|argument| argument != "--listen").nth(1);
    let listener = TcpListener::bind(listen.as_deref().unwrap_or("127.0.0.1:9001"))?;
    println!("listening on ws://{}/", listener.local_addr()?);
    io::stdout().flush()?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 << 10];
    let request = blocking::read_request(&stream, &mut buffer)?;
    let opened = request.and_then(|(head, rest)| {
        let request = head.upgrade(OriginPolicy::Any)?;
        let agreed = compression::choose(request.extensions());
        let answer = agreed.map(|agreed| agreed.answer());
        let acceptance = Acceptance { extensions: answer.as_deref(), ..Acceptance::default() };
        let opened = request.open(&acceptance, config());
        Ok(opened.map(|connection| (compression::applied(connection, agreed), rest)))
    });
    match opened {
        Ok(Ok((connection, rest))) => Socket::new(stream, connection).run(&mut buffer[rest], echo).map(drop),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(refusal) => stream.write_all(&refusal.response()),
    }
}
