#[cfg(feature = "alloc")]
use crate::SendError;
use crate::{Limits, Timeouts};

/// How a connection behaves: one value for all connections of a kind, shared behind an `Arc`.
///
/// The handshake before it has limits [of its own](crate::handshake::HandshakeLimits).
///
/// ```
/// use core::time::Duration;
/// use sockless::{Config, Limits, Timeouts};
///
/// // Messages up to 16 MiB, frames up to 64 KiB, 256 KiB of output, a ping after 5 s of silence.
/// const CONFIG: Config = Config::DEFAULT
///     .limits(Limits { frame: 64 << 10, ..Limits::for_messages(16 << 20) })
///     .high_water(256 << 10)
///     .timeouts(Timeouts { ping_interval: Some(Duration::from_secs(5)), ..Timeouts::DEFAULT });
/// assert_eq!((CONFIG.limits.message, CONFIG.limits.frame), (16 << 20, 64 << 10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// What the peer may send. Default: messages up to 1 MiB.
    pub limits: Limits,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Whether messages are put together. Default: they are. A [`Session`](crate::Session) always gives parts.
    pub delivery: Delivery,
    /// Who answers pings (RFC 6455 §5.5.2). Default: the connection.
    pub pongs: Reply,
    /// Who answers a Close (RFC 6455 §5.5.1). Default: the connection.
    pub closes: Reply,
    /// The bytes of output that have to be queued for data, pings and pongs of the caller's to be refused with
    /// [`Full`](crate::SendError::Full). Below the mark a message of any size is taken, so no more is queued than the
    /// mark and one message; what the protocol answers by itself always is. Zero counts as one. Default: 1 MiB.
    pub high_water: usize,
    /// The most bytes of payload in one frame of ours: longer messages are cut, so that pongs get in between. Not
    /// `Prepared` ones, nor those of a [`Session`](crate::Session). Default: 1 MiB.
    pub fragment: usize,
}

/// Whether data come as whole messages or as they arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Each message whole, in one event.
    ///
    /// A compressed frame of up to 17 KiB is inflated when it has come whole, and only then judged.
    #[default]
    Messages,
    /// Each message in as many events as it takes, in constant memory whatever its size; text parts are valid UTF-8.
    Parts,
}

/// Who answers what the protocol wants answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The connection, at once.
    #[default]
    Automatic,
    /// The application, when it sees the event.
    Manual,
}

impl Config {
    /// The default.
    pub const DEFAULT: Config = Config {
        limits: Limits::DEFAULT,
        timeouts: Timeouts::DEFAULT,
        delivery: Delivery::Messages,
        pongs: Reply::Automatic,
        closes: Reply::Automatic,
        high_water: 1 << 20,
        fragment: 1 << 20,
    };

    /// Sets [`limits`](Config::limits).
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Config {
        self.limits = limits;
        self
    }

    /// Sets [`timeouts`](Config::timeouts).
    #[must_use]
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Config {
        self.timeouts = timeouts;
        self
    }

    /// Sets [`delivery`](Config::delivery).
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Config {
        self.delivery = delivery;
        self
    }

    /// Sets [`pongs`](Config::pongs).
    #[must_use]
    pub const fn pongs(mut self, pongs: Reply) -> Config {
        self.pongs = pongs;
        self
    }

    /// Sets [`closes`](Config::closes).
    #[must_use]
    pub const fn closes(mut self, closes: Reply) -> Config {
        self.closes = closes;
        self
    }

    /// Sets [`high_water`](Config::high_water); zero counts as one.
    #[must_use]
    pub const fn high_water(mut self, bytes: usize) -> Config {
        self.high_water = bytes;
        self
    }

    /// Sets [`fragment`](Config::fragment); zero counts as one.
    #[must_use]
    pub const fn fragment(mut self, bytes: usize) -> Config {
        self.fragment = bytes;
        self
    }

    /// Whether what is queued is below the mark.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn check_room(&self, queued: usize) -> Result<(), SendError> {
        match queued == 0 || queued < self.high_water {
            true => Ok(()),
            false => Err(SendError::Full),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::DEFAULT
    }
}
