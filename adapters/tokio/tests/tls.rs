//! `wss` through rustls, with a certificate made for the test.
#![cfg(feature = "rustls")]

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use sockless_tokio::sockless::handshake::{ClientRequest, OriginPolicy};
use sockless_tokio::sockless::{Config, Connection, Event, Keys, SendError, Uri};
use sockless_tokio::tokio_rustls::rustls::crypto::ring::default_provider;
use sockless_tokio::tokio_rustls::rustls::pki_types::PrivateKeyDer;
use sockless_tokio::tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use sockless_tokio::tokio_rustls::{TlsAcceptor, TlsConnector};
use sockless_tokio::{Error, Message, WebSocketStream, accept, connect, connect_tls, connect_tls_with};
use tokio::net::TcpListener;

/// What accepts for a server, and the configuration of a client that trusts it.
fn configured() -> (TlsAcceptor, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(config)), Arc::new(client))
}

/// An echo server, its URL, and the configuration of a client that trusts it.
async fn server() -> (String, Arc<ClientConfig>) {
    let (acceptor, client) = configured();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = accept(stream, OriginPolicy::Any).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_data() {
                    socket.send(message).await.unwrap();
                }
            }
        }
    });
    (url, client)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_to_tls_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let started = tokio::time::Instant::now();
    let failed = connect(&url).await;
    assert!(matches!(failed, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut));
    assert!(started.elapsed().as_secs() >= 30);
}

#[tokio::test]
async fn a_stream_of_ones_own_is_encrypted() {
    let (url, tls) = server().await;
    let uri = Uri::parse(&url).unwrap();
    let stream = tokio::net::TcpStream::connect(format!("127.0.0.1:{}", uri.port())).await.unwrap();
    let mut socket =
        connect_tls_with(stream, &ClientRequest::new(uri), Config::default(), tls).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn messages_go_there_and_back_through_tls() {
    let (url, tls) = server().await;
    let request = ClientRequest::new(Uri::parse(&url).unwrap());
    let mut socket = connect_tls(&request, Config::default(), tls).await.unwrap();
    for message in [Message::text("h\u{e9}llo"), Message::binary(vec![7; 500_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    assert!(socket.end().unwrap().was_clean);
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused() {
    let (url, _) = server().await;
    assert!(
        matches!(connect(&url).await, Err(Error::Io(error)) if error.to_string().contains("certificate"))
    );
}

/// rustls takes 64 KiB beyond what the socket does, and passes them on when it is flushed.
#[tokio::test(start_paused = true)]
async fn what_tls_holds_back_is_flushed_by_who_receives_and_who_closes() {
    let (acceptor, connector) = configured();
    let (near, far) = tokio::io::duplex(4096);
    let name = "localhost".try_into().unwrap();
    let (client_tls, far) =
        tokio::join!(TlsConnector::from(connector).connect(name, near), acceptor.accept(far));
    let keys = Keys::from_seed([7; 32]);
    let near = Connection::client(Config::default(), keys);
    let mut near = WebSocketStream::from_upgraded(client_tls.unwrap(), near, &[]);
    let mut far = WebSocketStream::from_upgraded(far.unwrap(), Connection::server(Config::default()), &[]);
    let answering = tokio::spawn(async move {
        let mut received = 0;
        while let Some((event, connection)) = far.next_event().await.transpose()? {
            match event {
                Event::Text { .. } => connection.binary(vec![7; 20_000]).map_err(SendError::from)?,
                Event::Binary { data, .. } => received += data.len(),
                _ => {}
            }
        }
        Ok::<usize, Error>(received)
    });
    let begun = tokio::time::Instant::now();
    near.send(Message::text("?")).await.unwrap();
    assert_eq!(near.next().await.unwrap().unwrap(), Message::binary(vec![7; 20_000]));
    near.feed(Message::binary(vec![1; 20_000])).await.unwrap();
    near.close(None).await.unwrap();
    assert_eq!(answering.await.unwrap().unwrap(), 20_000);
    assert_eq!(begun.elapsed().as_secs(), 0, "nobody waited for a deadline");
}
