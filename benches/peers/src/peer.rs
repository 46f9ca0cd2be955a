//! The candidates, each behind `build`: the row as a closure, or nothing if it cannot do it.

pub mod embedded_websocket;
pub mod fastwebsockets;
pub mod memcpy;
pub mod ours;
pub mod ratchet;
pub mod sockudo;
pub mod soketto;
pub mod tokio_websockets;
pub mod tungstenite;
pub mod web_socket;
pub mod ws_framer;
pub mod wtx;
pub mod yawc;

/// How much output waits before it is handed over.
pub const BATCH: usize = 16 << 10;

/// After how many messages so much output waits.
pub fn batch(size: usize) -> usize {
    (BATCH / (size + 2)).max(1)
}
