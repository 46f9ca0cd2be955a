//! A chat with rooms, as routes of an axum server: `cargo run -p sockless-tokio --example tokio_chat`.
//!
//! `GET /` is the page; `/ws?room=ROOM&name=NAME` is the room. What one member says is framed once and shared by all
//! ([`Prepared`]). `--listen ADDR` listens elsewhere than on 127.0.0.1:9997. `--bus redis://HOST:PORT/` passes
//! everything through Redis, so that the members of a room may be at different processes. Ctrl-C closes every
//! connection with 1001, `SIGTERM` with 1012: the page comes back by itself, to another process if there is a proxy.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sockless_tokio::sockless::handshake::{Acceptance, OriginPolicy, Request};
use sockless_tokio::sockless::{CloseCode, Config, Connection, Limits, Prepared};
use sockless_tokio::{Error, Message, WebSocketStream};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

const PAGE: &str = include_str!("chat_page.html");

/// The longest message, in bytes.
const LONGEST: u64 = 4 << 10;

/// The messages that a member may be behind the room.
const BEHIND: usize = 4096;

/// Output beyond which it is written before more of the room's messages are taken.
const BATCH: usize = 64 << 10;

/// How long the members have to agree to the end.
const DRAIN: Duration = Duration::from_secs(2);

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let (stop, stopping) = watch::channel(None);
    let rooms = Rooms::default();
    let bus = match option("--bus") {
        Some(url) => Bus::redis(&url, rooms.clone()).await?,
        None => Bus::Process(rooms.clone()),
    };
    let chat = Chat { rooms, bus, stopping };
    let app = Router::new().route("/", get(page)).route("/ws", get(enter)).with_state(chat);
    let listener = TcpListener::bind(option("--listen").as_deref().unwrap_or("127.0.0.1:9997")).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    std::io::stdout().flush()?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let code = tokio::select! {
        served = async { axum::serve(listener, app).await } => return Ok(served?),
        _ = interrupt.recv() => CloseCode::GOING_AWAY,
        _ = terminate.recv() => CloseCode::SERVICE_RESTART,
    };
    // The server is dropped, and nobody enters any more; the members' tasks go on until they have left.
    stop.send_replace(Some(code));
    let _ = tokio::time::timeout(DRAIN, stop.closed()).await;
    Ok(())
}

/// The value of an option.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

async fn page() -> impl IntoResponse {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, "no-store"),
    ];
    (fields, PAGE)
}

#[derive(Clone)]
struct Chat {
    rooms: Rooms,
    bus: Bus,
    /// What every member is told to close with. Each holds one of these: when all are gone, all have left.
    stopping: watch::Receiver<Option<CloseCode>>,
}

/// A WebSocket asked for: an extractor, as axum calls it.
struct WebSocketUpgrade {
    response: axum::http::Response<()>,
    upgrade: OnUpgrade,
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<WebSocketUpgrade, Response> {
        let request = Request::check_http(parts, OriginPolicy::SameHost)
            .map_err(|refusal| refusal.to_http().map(|()| Body::empty()))?;
        let response = request
            .to_http(&Acceptance::default())
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let upgrade = parts.extensions.remove().ok_or(StatusCode::UPGRADE_REQUIRED.into_response())?;
        Ok(WebSocketUpgrade { response, upgrade })
    }
}

impl WebSocketUpgrade {
    /// Answers, and calls `serve` once the connection is ours.
    fn then<F>(self, serve: impl FnOnce(WebSocketStream<TokioIo<Upgraded>>) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        tokio::spawn(async move {
            // What was read behind the request is in there.
            let Ok(stream) = self.upgrade.await else { return };
            let config = Config::default().limits(Limits::for_messages(LONGEST));
            let connection = Connection::server(config);
            serve(WebSocketStream::from_upgraded(TokioIo::new(stream), connection, &[])).await;
        });
        self.response.map(|()| Body::empty())
    }
}

async fn enter(
    State(chat): State<Chat>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let label = |key: &str| query.get(key).filter(|label| is_label(label)).cloned();
    let (Some(room), Some(name)) = (label("room"), label("name")) else {
        return (StatusCode::BAD_REQUEST, "a room and a name are 1 to 32 letters and digits\n")
            .into_response();
    };
    upgrade.then(|socket| async move {
        if let Err(error) = chat.serve(socket, &room, &name).await {
            eprintln!("{name} lost: {error}");
        }
    })
}

/// Rooms and names are letters and digits, so that none is taken for something else on the way.
fn is_label(label: &str) -> bool {
    (1..=32).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Chat {
    async fn serve(
        &self,
        mut socket: WebSocketStream<TokioIo<Upgraded>>,
        room: &str,
        name: &str,
    ) -> Result<(), AnyError> {
        let mut member = self.rooms.enter(room);
        if self.bus.publish(room, format!("joined {name}\n")).await.is_err() {
            return Ok(socket.close(Some(NO_BUS)).await?);
        }
        let result = self.talk(&mut socket, &mut member, name).await;
        drop(member);
        self.bus.publish(room, format!("left {name}\n")).await?;
        Ok(result?)
    }

    async fn talk(
        &self,
        socket: &mut WebSocketStream<TokioIo<Upgraded>>,
        member: &mut Member,
        name: &str,
    ) -> Result<(), Error> {
        let mut stopping = self.stopping.clone();
        let mut closing = false;
        loop {
            let close = tokio::select! {
                message = socket.next() => match message.transpose()? {
                    Some(Message::Text(text)) => {
                        let said = self.bus.publish(&member.room, format!("said {name}\n{text}")).await;
                        said.err().map(|_| NO_BUS)
                    }
                    Some(Message::Binary(_)) => Some((CloseCode::UNSUPPORTED_DATA, "text only")),
                    Some(_) => None,
                    None => return Ok(()),
                },
                news = member.news.recv(), if !closing => match news {
                    Ok(news) => match pass_on(socket, news, &mut member.news) {
                        true => {
                            socket.flush().await?;
                            None
                        }
                        false => Some(TOO_SLOW),
                    },
                    Err(RecvError::Lagged(_) | RecvError::Closed) => Some(TOO_SLOW),
                },
                code = told(&mut stopping), if !closing => Some((code, "")),
            };
            if let Some((code, reason)) = close {
                closing = true;
                let _ = socket.connection().close(Some(code), reason);
            }
        }
    }
}

/// Waits for the end of the process.
async fn told(stopping: &mut watch::Receiver<Option<CloseCode>>) -> CloseCode {
    let code = stopping.wait_for(Option::is_some).await;
    code.ok().and_then(|code| *code).unwrap_or(CloseCode::GOING_AWAY)
}

const NO_BUS: (CloseCode, &str) = (CloseCode::TRY_AGAIN_LATER, "the bus is away");

const TOO_SLOW: (CloseCode, &str) = (CloseCode::TRY_AGAIN_LATER, "too slow for this room");

/// Queues a message and what came behind it, as much as goes into one write. `false`: the member is too slow.
fn pass_on(
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
    mut message: Prepared,
    news: &mut broadcast::Receiver<Prepared>,
) -> bool {
    loop {
        // Refused when the member's Close has come: the end is near.
        let _ = socket.connection().prepared(&message);
        if socket.connection().queued() > BATCH {
            return true;
        }
        message = match news.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
            Err(TryRecvError::Lagged(_)) => return false,
        };
    }
}

/// The rooms that have members here.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<String, broadcast::Sender<Prepared>>>>);

impl Rooms {
    fn enter(&self, room: &str) -> Member {
        let mut rooms = self.lock();
        let sender = rooms.entry(room.into()).or_insert_with(|| broadcast::channel(BEHIND).0);
        Member { room: room.into(), news: sender.subscribe(), rooms: self.clone() }
    }

    /// Frames a message and gives it to every member here.
    fn tell(&self, room: &str, message: &str) {
        if let (Some(sender), Ok(message)) = (self.lock().get(room), Prepared::text(message)) {
            let _ = sender.send(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Prepared>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A place in a room.
struct Member {
    room: String,
    news: broadcast::Receiver<Prepared>,
    rooms: Rooms,
}

impl Drop for Member {
    /// The last one switches off the light.
    fn drop(&mut self) {
        let mut rooms = self.rooms.lock();
        if rooms.get(&self.room).is_some_and(|sender| sender.receiver_count() == 1) {
            rooms.remove(&self.room);
        }
    }
}

/// What carries a message to all members of its room.
#[derive(Clone)]
enum Bus {
    /// All are in this process.
    Process(Rooms),
    /// They are at any process on the same Redis. What is published here comes back like everything else, so that all
    /// members see all messages in the same order.
    Redis(ConnectionManager),
}

/// The prefix of our channels.
const CHANNELS: &str = "sockless-chat/";

impl Bus {
    async fn redis(url: &str, rooms: Rooms) -> Result<Bus, AnyError> {
        let client = redis::Client::open(url)?;
        // A member who speaks while Redis is away is told so, and soon: no long row of attempts.
        let impatient = ConnectionManagerConfig::new().set_number_of_retries(2);
        let publisher = client.get_connection_manager_with_config(impatient).await?;
        // Before anybody can enter.
        let subscription = subscribe(&client).await?;
        tokio::spawn(async move {
            let mut subscription = Some(subscription);
            loop {
                match subscription.take() {
                    Some(subscription) => listen(subscription, &rooms).await,
                    None => tokio::time::sleep(Duration::from_millis(200)).await,
                }
                subscription = subscribe(&client).await.ok();
            }
        });
        Ok(Bus::Redis(publisher))
    }

    async fn publish(&self, room: &str, message: String) -> Result<(), AnyError> {
        match self {
            Bus::Process(rooms) => rooms.tell(room, &message),
            Bus::Redis(publisher) => {
                publisher.clone().publish::<_, _, ()>(format!("{CHANNELS}{room}"), message).await?;
            }
        }
        Ok(())
    }
}

async fn subscribe(client: &redis::Client) -> redis::RedisResult<redis::aio::PubSub> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.psubscribe(format!("{CHANNELS}*")).await?;
    Ok(subscription)
}

/// Passes on what comes, until Redis is lost: what is published meanwhile is lost too.
async fn listen(subscription: redis::aio::PubSub, rooms: &Rooms) {
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        let room = message.get_channel_name().strip_prefix(CHANNELS);
        if let (Some(room), Ok(text)) = (room, message.get_payload::<String>()) {
            rooms.tell(room, &text);
        }
    }
}
