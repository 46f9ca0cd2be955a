use std::sync::Arc;

use sockless::handshake::{Agreed, DeflateFault, Established, Extension, ExtensionText, PermessageDeflate};
use sockless::{Config, Connection};

/// What a connection is to be like: its configuration, which alone will do, and whether it compresses.
///
/// ```
/// # #[cfg(feature = "deflate")] {
/// use sockless_tokio::Setup;
/// use sockless_tokio::sockless::Config;
/// use sockless_tokio::sockless::handshake::PermessageDeflate;
///
/// let setup = Setup::from(Config::default()).deflate(PermessageDeflate::default().no_context_takeover());
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Setup {
    config: Arc<Config>,
    deflate: Option<PermessageDeflate>,
}

impl Setup {
    /// Negotiates permessage-deflate: a client offers this, a server answers by it. A peer that will not have it is
    /// talked to without (RFC 7692 §5).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, policy: PermessageDeflate) -> Setup {
        self.deflate = Some(policy);
        self
    }

    pub(crate) fn offer(&self) -> Option<ExtensionText> {
        self.deflate.map(|policy| policy.offer())
    }

    pub(crate) fn answer<'a>(&self, offers: impl Iterator<Item = Extension<'a>>) -> Option<Agreed> {
        self.deflate?.answer(offers)
    }

    pub(crate) fn agreed(&self, established: &Established) -> Result<Option<Agreed>, DeflateFault> {
        self.deflate.map_or(Ok(None), |policy| policy.check(established.extensions()))
    }

    pub(crate) fn into_config(self) -> Arc<Config> {
        self.config
    }
}

impl From<Config> for Setup {
    fn from(config: Config) -> Setup {
        Arc::new(config).into()
    }
}

impl From<Arc<Config>> for Setup {
    fn from(config: Arc<Config>) -> Setup {
        Setup { config, deflate: None }
    }
}

/// The connection, with what was agreed.
#[cfg(feature = "deflate")]
pub(crate) fn applied(connection: Connection, agreed: Option<Agreed>) -> Connection {
    connection.with_deflate(agreed)
}

/// The connection: nothing is ever agreed.
#[cfg(not(feature = "deflate"))]
pub(crate) fn applied(connection: Connection, _: Option<Agreed>) -> Connection {
    connection
}
