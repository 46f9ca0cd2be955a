//! DEFLATE as permessage-deflate uses it (RFC 7692 §7.2): what compresses, what inflates, and a pool of both.

mod deflater;
mod inflater;
mod pool;

pub(crate) use deflater::{Deflater, Effort};
pub(crate) use inflater::{Corrupt, Inflater};
pub use pool::DeflatePool;

use crate::Role;
use crate::handshake::{Agreed, WindowBits};

/// What compresses the messages of one direction: the window that it stays within, and whether it keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) window: WindowBits,
    /// The window outlives its message.
    pub(crate) takeover: bool,
}

impl Direction {
    /// What `role` sends.
    pub(crate) fn of(role: Role, agreed: &Agreed) -> Direction {
        match role {
            Role::Client => Direction {
                window: agreed.client_max_window_bits(),
                takeover: !agreed.client_no_context_takeover(),
            },
            Role::Server => Direction {
                window: agreed.server_max_window_bits(),
                takeover: !agreed.server_no_context_takeover(),
            },
        }
    }
}

/// What every compressed message ends with and no one sends (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The engines count what passes through them in a C `long`, which some systems have of 32 bits, and it must not run
/// over: behind the message in which this many bytes are reached they begin anew.
const RENEW_FROM: u64 = 1 << 31;
