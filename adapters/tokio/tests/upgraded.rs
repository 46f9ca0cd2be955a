//! After an HTTP library did the handshake: hyper at both ends, over memory.

use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use sockless_tokio::sockless::handshake::{Acceptance, ClientRequest, Key, Offer, OriginPolicy, Request};
use sockless_tokio::sockless::{Config, Connection, Keys, Uri};
use sockless_tokio::{Message, WebSocketStream};
use tokio::io::DuplexStream;

/// Answers one request as hyper's services do, and echoes on the upgraded connection.
async fn service(mut request: hyper::Request<Incoming>) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let checked = match Request::check_http(&parts, OriginPolicy::SameHost) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(refusal.to_http().map(|()| Empty::new())),
    };
    let subprotocol = checked.choose_subprotocol(&["echo"]);
    let response = checked.to_http(&Acceptance { subprotocol, ..Acceptance::default() }).unwrap();
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_upgraded(stream, Connection::server(Config::default()), &[]);
        while let Some(Ok(message)) = socket.next().await {
            if message.is_data() {
                socket.send(message).await.unwrap();
            }
        }
    });
    Ok(response.map(|()| Empty::new()))
}

fn serve() -> DuplexStream {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = hyper::server::conn::http1::Builder::new();
    let connection = server.serve_connection(TokioIo::new(far), hyper::service::service_fn(service));
    tokio::spawn(connection.with_upgrades());
    near
}

async fn ask(stream: DuplexStream, request: hyper::Request<()>) -> Response<Incoming> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request.map(|()| Empty::<Bytes>::new())).await.unwrap()
}

#[tokio::test]
async fn hyper_serves_and_hyper_asks() {
    let mut keys = Keys::from_os().unwrap();
    let key = Key::from_nonce(keys.nonce());
    let request = ClientRequest {
        offer: Offer { subprotocols: &["other", "echo"], ..Offer::default() },
        origin: Some("http://a.example:81"),
        fields: &[("X-Own", "1")],
        ..ClientRequest::new(Uri::parse("ws://a.example:81/chat?room=1").unwrap())
    };
    let response = ask(serve(), request.to_http(&key).unwrap()).await;
    let (parts, body) = response.into_parts();
    assert_eq!(request.offer.check_http(&key, &parts).unwrap().subprotocol(), Some("echo"));
    let upgraded = hyper::upgrade::on(Response::from_parts(parts, body)).await.unwrap();
    let connection = Connection::client(Config::default(), keys);
    let mut socket = WebSocketStream::from_upgraded(TokioIo::new(upgraded), connection, &[]);
    for message in [Message::text("through hyper"), Message::binary(vec![7; 100_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_a_response_like_any_other() {
    let plain = hyper::Request::get("/chat").header("Host", "a.example").body(()).unwrap();
    let response = ask(serve(), plain).await;
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["sec-websocket-version"], "13");

    let key = Key::from_nonce([7; 16]);
    let request = ClientRequest {
        origin: Some("http://elsewhere.example"),
        ..ClientRequest::new(Uri::parse("ws://a.example/").unwrap())
    };
    let response = ask(serve(), request.to_http(&key).unwrap()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
