//! The permessage-deflate of the crate's own examples, for a [`Setup`].

#[cfg(feature = "deflate")]
#[path = "../../../../examples/compression/mod.rs"]
mod by_arguments;

use sockless_tokio::Setup;
use sockless_tokio::sockless::Config;

#[cfg(feature = "deflate")]
pub fn setup(config: Config) -> Setup {
    let setup = Setup::from(config);
    match by_arguments::policy() {
        Some(policy) => setup.deflate(policy),
        None => setup,
    }
}

#[cfg(not(feature = "deflate"))]
pub fn setup(config: Config) -> Setup {
    config.into()
}
