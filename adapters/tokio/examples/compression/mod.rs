//! permessage-deflate where the feature `deflate` is there; elsewhere it is neither offered nor accepted.
//! `--window-bits N` sets both windows, `--no-context-takeover` keeps none between messages.

use sockless_tokio::Setup;
use sockless_tokio::sockless::Config;

#[cfg(feature = "deflate")]
pub fn setup(config: Config) -> Setup {
    use sockless_tokio::sockless::handshake::{PermessageDeflate, WindowBits};

    let mut policy = PermessageDeflate::default();
    let bits = std::env::args().skip_while(|argument| argument != "--window-bits").nth(1);
    if let Some(bits) = bits.and_then(|bits| bits.parse().ok()).and_then(WindowBits::new) {
        policy = policy.server_max_window_bits(bits).client_max_window_bits(Some(bits));
    }
    if std::env::args().any(|argument| argument == "--no-context-takeover") {
        policy = policy.no_context_takeover();
    }
    Setup::from(config).deflate(policy)
}

#[cfg(not(feature = "deflate"))]
pub fn setup(config: Config) -> Setup {
    config.into()
}
