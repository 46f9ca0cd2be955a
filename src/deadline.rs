use core::fmt;
use core::time::Duration;

use crate::Moment;

/// A deadline that can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deadline {
    /// Nothing at all came since a ping.
    Pong,
    /// No message went either way.
    Idle,
    /// The peer took none of the queued output.
    Output,
    /// The peer did not answer our Close, or did not end the transport after the closing handshake.
    Close,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Deadline::Pong => "nothing came since a ping",
            Deadline::Idle => "no message went either way",
            Deadline::Output => "the peer takes no output",
            Deadline::Close => "the peer did not close",
        })
    }
}

/// How long to wait for what, behind the handshake, which has [a time of its
/// own](crate::handshake::HandshakeLimits::time). `None` waits for ever.
///
/// Waits are armed when the clock is told, by `poll_timeout` or `handle_timeout`, and not by what is received, so a silence is noticed between one and
/// two times its length, never earlier. What counts as heard is what `receive` was given: who leaves input unread on
/// purpose for longer says so with `Signal::Heard`, or has no `pong`. An answer to a ping is looked for when its time is over: on a connection where
/// nothing but pings and pongs goes, pings are `ping_interval` and `pong` together apart. Whatever stands in between and
/// cuts off silence has to be more patient than that, and than twice `ping_interval`.
///
/// ```
/// use core::time::Duration;
/// use sockless::Timeouts;
///
/// // In silence a ping every 10 s: 5 s until it goes, 5 s for its answer.
/// let five = Some(Duration::from_secs(5));
/// let watchful = Timeouts { ping_interval: five, pong: five, ..Timeouts::DEFAULT };
/// assert_eq!(watchful.close, Timeouts::DEFAULT.close);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Silence after which the peer is pinged; in lasting silence pings are further apart, by `pong`.
    pub ping_interval: Option<Duration>,
    /// For any byte at all after that ping, before the transport is aborted. It runs anew while the ping waits behind
    /// other output and the peer takes some of that.
    pub pong: Option<Duration>,
    /// Without a message in either direction, before the connection is closed with 1001.
    pub idle: Option<Duration>,
    /// For the peer to take some of the queued output, before the transport is aborted.
    pub output: Option<Duration>,
    /// For the closing handshake and the end of the transport behind it. It runs anew while our Close waits behind
    /// other output and the peer takes some of that.
    pub close: Option<Duration>,
}

impl Timeouts {
    /// Waits for ever, for everything.
    pub const NONE: Timeouts =
        Timeouts { ping_interval: None, pong: None, idle: None, output: None, close: None };

    /// 10 s for closing, a ping after 20 s of silence and 20 s for any answer, 30 s for output
    /// to move, and no idle deadline.
    pub const DEFAULT: Timeouts = Timeouts {
        ping_interval: Some(Duration::from_secs(20)),
        pong: Some(Duration::from_secs(20)),
        idle: None,
        output: Some(Duration::from_secs(30)),
        close: Some(Duration::from_secs(10)),
    };
}

impl Default for Timeouts {
    /// [`Timeouts::DEFAULT`].
    fn default() -> Timeouts {
        Timeouts::DEFAULT
    }
}

/// The deadlines of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    /// While open: when to ping, or when the wait for an answer is over. Once closing: when to give up.
    watch: Moment,
    idle: Moment,
    output: Moment,
}

/// What happened between two looks at the clock. Apart from [`Timer`] so that no padding lies between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    /// Something came since `watch` was set.
    pub(crate) heard: bool,
    /// A message went in either direction since `idle` was set.
    pub(crate) active: bool,
    pub(crate) advanced: Advanced,
    watched: Watched,
    /// The caller knows what is armed.
    told: bool,
}

/// Whether some output was taken since `output` was set, and since `watch` was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advanced(u8);

impl Advanced {
    const OUTPUT: u8 = 1;
    const WATCH: u8 = 2;

    #[inline]
    pub(crate) fn note(&mut self) {
        self.0 = Advanced::OUTPUT | Advanced::WATCH;
    }

    fn take(&mut self, since: u8) -> bool {
        let taken = self.0 & since != 0;
        self.0 &= !since;
        taken
    }
}

/// What `watch` waits for. A peer that takes what lies before our ping or Close cannot have answered it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Silence,
    /// A ping that was queued behind other output to go out.
    Ping,
    Pong,
    /// A Close that was queued behind other output, or is, to go out.
    Closing,
    Close,
}

/// What the deadlines depend on besides the clock.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) closing: bool,
    pub(crate) queued: bool,
}

/// What came due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The peer was silent: ping it.
    Ping,
    /// This ran out.
    Deadline(Deadline),
}

impl Timer {
    pub(crate) const fn new() -> Timer {
        Timer { watch: Moment::NEVER, idle: Moment::NEVER, output: Moment::NEVER }
    }

    /// Arms what is to run, and says when the first of it is due.
    pub(crate) fn poll(
        &mut self,
        noted: &mut Noted,
        now: Moment,
        timeouts: &Timeouts,
        what: Circumstances,
    ) -> Option<Moment> {
        self.arm(noted, now, timeouts, what);
        noted.told = true;
        self.watch.min(self.idle).min(self.output).running()
    }

    pub(crate) fn arm(&mut self, noted: &mut Noted, now: Moment, timeouts: &Timeouts, what: Circumstances) {
        if what.closing {
            self.idle = Moment::NEVER;
            match noted.watched {
                Watched::Close => {}
                Watched::Closing if what.queued => {}
                _ => self.watch_close(noted, now, timeouts, what),
            }
        } else {
            if noted.watched == Watched::Ping && !what.queued {
                self.watch_pong(noted, now, timeouts, what);
            }
            if self.watch == Moment::NEVER {
                (noted.heard, noted.told) = (false, false);
                self.watch = after(now, timeouts.ping_interval);
            }
            if self.idle == Moment::NEVER {
                (noted.active, noted.told) = (false, false);
                self.idle = after(now, timeouts.idle);
            }
        }
        if !what.queued {
            self.output = Moment::NEVER;
        } else if self.output == Moment::NEVER {
            noted.advanced.take(Advanced::OUTPUT);
            noted.told = false;
            self.output = after(now, timeouts.output);
        }
    }

    /// Whether `poll` would not answer anything earlier than it did: all that is to run is armed, and nothing was since.
    pub(crate) fn is_armed(&self, noted: Noted, timeouts: &Timeouts, what: Circumstances) -> bool {
        let armed = |deadline, wait: Option<Duration>| deadline != Moment::NEVER || wait.is_none();
        let first = match what.closing {
            true => matches!(noted.watched, Watched::Closing | Watched::Close),
            false => armed(self.watch, timeouts.ping_interval) && armed(self.idle, timeouts.idle),
        };
        first && (!what.queued || armed(self.output, timeouts.output)) && noted.told
    }

    /// The next thing that is due at `now`; call until `None`.
    pub(crate) fn due(
        &mut self,
        noted: &mut Noted,
        now: Moment,
        timeouts: &Timeouts,
        what: Circumstances,
    ) -> Option<Due> {
        if self.output <= now {
            self.output = Moment::NEVER;
            if what.queued && !noted.advanced.take(Advanced::OUTPUT) {
                return Some(Due::Deadline(Deadline::Output));
            }
        }
        if self.idle <= now {
            self.idle = Moment::NEVER;
            if !what.closing && !core::mem::take(&mut noted.active) {
                return Some(Due::Deadline(Deadline::Idle));
            }
        }
        if self.watch <= now {
            return self.watch_due(noted, now, timeouts, what);
        }
        None
    }

    fn watch_due(
        &mut self,
        noted: &mut Noted,
        now: Moment,
        timeouts: &Timeouts,
        what: Circumstances,
    ) -> Option<Due> {
        self.watch = Moment::NEVER;
        let heard = core::mem::take(&mut noted.heard);
        let stuck = what.queued && !noted.advanced.take(Advanced::WATCH);
        match noted.watched {
            Watched::Closing if !stuck => {
                self.watch_close(noted, now, timeouts, what);
                None
            }
            Watched::Closing | Watched::Close => Some(Due::Deadline(Deadline::Close)),
            // Closing began since: `poll` arms its deadline.
            _ if what.closing => None,
            Watched::Ping if !heard && !stuck => {
                self.watch_pong(noted, now, timeouts, what);
                None
            }
            Watched::Ping | Watched::Pong if !heard => Some(Due::Deadline(Deadline::Pong)),
            Watched::Silence if !heard => {
                self.watch_pong(noted, now, timeouts, what);
                Some(Due::Ping)
            }
            _ => {
                noted.watched = Watched::Silence;
                None
            }
        }
    }

    fn watch_pong(&mut self, noted: &mut Noted, now: Moment, timeouts: &Timeouts, what: Circumstances) {
        let watched = match what.queued {
            // Without a pong deadline `poll` begins the next silence: an interval of no length is no loop without end.
            _ if timeouts.pong.is_none() => Watched::Silence,
            true => Watched::Ping,
            false => Watched::Pong,
        };
        self.watch_for(watched, noted, now, timeouts.pong);
    }

    fn watch_close(&mut self, noted: &mut Noted, now: Moment, timeouts: &Timeouts, what: Circumstances) {
        let watched = if what.queued { Watched::Closing } else { Watched::Close };
        self.watch_for(watched, noted, now, timeouts.close);
    }

    fn watch_for(&mut self, watched: Watched, noted: &mut Noted, now: Moment, wait: Option<Duration>) {
        noted.watched = watched;
        noted.advanced.take(Advanced::WATCH);
        noted.told = false;
        self.watch = after(now, wait);
    }
}

impl Noted {
    pub(crate) const fn new() -> Noted {
        Noted { heard: false, active: false, advanced: Advanced(0), watched: Watched::Silence, told: false }
    }
}

fn after(now: Moment, wait: Option<Duration>) -> Moment {
    wait.map_or(Moment::NEVER, |wait| now + wait)
}
