//! permessage-deflate between two ends, and where only one of them will have it (RFC 7692 §5, §7).
#![cfg(feature = "deflate")]

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{
    Acceptance, ClientRequest, OriginPolicy, PermessageDeflate, accept_key,
};
use sockless_tokio::sockless::{Config, Uri};
use sockless_tokio::{Error, Incoming, Message, Setup, WebSocketStream, connect_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

type Socket = WebSocketStream<DuplexStream>;

fn compressing() -> Setup {
    Setup::from(Config::default()).deflate(PermessageDeflate::default())
}

fn request() -> ClientRequest<'static> {
    ClientRequest::new(Uri::parse("ws://a.example/").unwrap())
}

async fn pair(client: Setup, server: Setup) -> (Socket, Socket) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let answer = async {
        let incoming = Incoming::read(far).await.unwrap();
        incoming.accept(OriginPolicy::Any, &Acceptance::default(), server).await.unwrap()
    };
    let request = request();
    let (client, server) = tokio::join!(connect_with(near, &request, client), answer);
    (client.unwrap(), server)
}

#[tokio::test]
async fn s7_2_messages_are_compressed_where_both_ends_want_it() {
    let plain = || Setup::from(Config::default());
    for (client, server, compresses) in [
        (compressing(), compressing(), true),
        (compressing(), plain(), false),
        (plain(), compressing(), false),
        (plain(), plain(), false),
    ] {
        let (mut client, mut server) = pair(client, server).await;
        assert_eq!(client.response().unwrap().field("sec-websocket-extensions").is_some(), compresses);
        let message = Message::text("all work and no play ".repeat(500));
        for socket in [&mut client, &mut server] {
            socket.feed(message.clone()).await.unwrap();
            assert_eq!(socket.connection().queued() < 500, compresses, "bytes of 10,500");
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let sockets = [&mut client, &mut server];
            sockets[from].flush().await.unwrap();
            assert_eq!(sockets[to].next().await.unwrap().unwrap(), message);
        }
        let (closed, other) = tokio::join!(client.close(None), async {
            while let Some(message) = server.next().await {
                message?;
            }
            Ok::<(), Error>(())
        });
        assert!(closed.is_ok() && other.is_ok());
    }
}

/// What a server says that was never offered would not be understood.
#[tokio::test]
async fn s7_1_an_answer_that_is_none_opens_nothing() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let server = async {
        let mut asked = [0; 2048];
        let len = far.read(&mut asked).await.unwrap();
        let asked = std::str::from_utf8(&asked[..len]).unwrap();
        assert!(asked.contains("Sec-WebSocket-Extensions: permessage-deflate"), "{asked}");
        let key = asked.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
        let accept = accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n\r\n",
            std::str::from_utf8(&accept).unwrap(),
        );
        far.write_all(answer.as_bytes()).await.unwrap();
        far.read(&mut [0; 1]).await.unwrap()
    };
    let request = request();
    let client = async {
        let client = connect_with(near, &request, compressing()).await;
        assert!(matches!(client, Err(Error::Deflate(_))), "{client:?}");
    };
    let ((), left) = tokio::join!(client, server);
    assert_eq!(left, 0, "the client has gone");
}
