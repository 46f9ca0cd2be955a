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
/// Waits are armed when the clock is told, by `poll_timeout` or `handle_timeout`, and not by what is received, so a
/// silence is noticed between one and two times its length, never earlier. What counts as heard is what `receive` was
/// given: a driver that stops reading on purpose for longer than that calls `signal(Signal::Heard { message: false })`
/// meanwhile; a `Session` has no such call, and takes `pong: None` there. An answer to a ping is looked for when its
/// time is over: on a connection where nothing but pings and pongs goes, pings are `ping_interval` and `pong` together
/// apart. Whatever stands in between and cuts off silence has to be more patient than that, and than twice
/// `ping_interval`.
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
    /// For any byte at all after that ping, before the transport is aborted. It runs anew, 60 times at most, while the
    /// ping waits behind other output and the peer takes some of that.
    pub pong: Option<Duration>,
    /// Without a message in either direction, before the connection is closed with 1001.
    pub idle: Option<Duration>,
    /// For the peer to take some of the queued output, before the transport is aborted.
    pub output: Option<Duration>,
    /// For the closing handshake and the end of the transport behind it. It runs anew, 60 times at most, while our Close
    /// waits behind other output and the peer takes some of that.
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
    pub(crate) since: Since,
    watched: Watched,
    /// How often `watch` was set for the same again.
    anew: u8,
}

/// What happened since a deadline was set, a bit each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(u8);

impl Since {
    /// Some output was taken since `output` was set.
    const OUTPUT: u8 = 1;
    /// Some output was taken since `watch` was set.
    const WATCH: u8 = 2;
    /// The caller was told since anything was set.
    const TOLD: u8 = 4;

    #[inline]
    pub(crate) fn output_advanced(&mut self) {
        self.0 |= Since::OUTPUT | Since::WATCH;
    }

    fn told(&mut self) {
        self.0 |= Since::TOLD;
    }

    fn was_told(self) -> bool {
        self.0 & Since::TOLD != 0
    }

    /// Whether it happened, which is forgotten.
    fn take(&mut self, what: u8) -> bool {
        let happened = self.0 & what != 0;
        self.0 &= !what;
        happened
    }
}

/// What `watch` waits for. A peer that takes what lies before our ping or Close cannot have answered it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Silence,
    /// Our ping to go out.
    Ping,
    Pong,
    /// Our Close to go out.
    Closing,
    Close,
}

/// What the deadlines depend on besides the clock.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) closing: bool,
    pub(crate) waiting: Waiting,
}

/// What has not gone out.
#[derive(Clone, Copy)]
pub(crate) struct Waiting {
    /// Anything.
    pub(crate) output: bool,
    /// The ping or the Close that is to be answered.
    pub(crate) watched: bool,
}

/// How often a wait runs anew at most: a peer that takes a byte at a time has no end otherwise.
const MOST_ANEW: u8 = 60;

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
        noted.since.told();
        self.watch.min(self.idle).min(self.output).running()
    }

    pub(crate) fn arm(&mut self, noted: &mut Noted, now: Moment, timeouts: &Timeouts, what: Circumstances) {
        if what.closing {
            self.idle = Moment::NEVER;
            match noted.watched {
                Watched::Close if !what.waiting.watched => {}
                Watched::Closing if what.waiting.watched => {}
                _ => self.watch_close(noted, now, timeouts, what),
            }
        } else {
            if noted.watched == Watched::Ping && !what.waiting.watched {
                self.watch_for(Watched::Pong, noted, now, timeouts.pong);
            }
            if self.watch == Moment::NEVER {
                noted.heard = false;
                noted.since.take(Since::TOLD);
                self.watch = after(now, timeouts.ping_interval);
            }
            if self.idle == Moment::NEVER {
                noted.active = false;
                noted.since.take(Since::TOLD);
                self.idle = after(now, timeouts.idle);
            }
        }
        if !what.waiting.output {
            self.output = Moment::NEVER;
        } else if self.output == Moment::NEVER {
            noted.since.take(Since::OUTPUT | Since::TOLD);
            self.output = after(now, timeouts.output);
        }
    }

    /// Whether `poll` would not answer anything earlier than it did: all that is to run is armed, and nothing was since.
    pub(crate) fn is_armed(&self, noted: Noted, timeouts: &Timeouts, what: Circumstances) -> bool {
        // Between two looks nothing is disarmed: what may have to begin is another wait for what is watched, and the
        // output's.
        let watched = match noted.watched {
            Watched::Closing => what.waiting.watched,
            Watched::Close => !what.waiting.watched,
            Watched::Ping => what.waiting.watched && !what.closing,
            Watched::Silence | Watched::Pong => !what.closing,
        };
        let output = !what.waiting.output || self.output != Moment::NEVER || timeouts.output.is_none();
        watched && output && noted.since.was_told()
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
            if what.waiting.output && !noted.since.take(Since::OUTPUT) {
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
        let waits = what.waiting.watched;
        let stuck = waits && (!noted.since.take(Since::WATCH) || noted.anew >= MOST_ANEW);
        match noted.watched {
            Watched::Closing if !stuck => {
                self.watch_close(noted, now, timeouts, what);
                None
            }
            Watched::Closing | Watched::Close => Some(Due::Deadline(Deadline::Close)),
            // Closing began since: `arm` begins its wait.
            _ if what.closing => None,
            Watched::Ping if !heard && !stuck => {
                let next = if waits { Watched::Ping } else { Watched::Pong };
                self.watch_for(next, noted, now, timeouts.pong);
                None
            }
            Watched::Ping | Watched::Pong if !heard => Some(Due::Deadline(Deadline::Pong)),
            Watched::Silence if !heard => {
                // Without a pong deadline `arm` begins the next silence: an interval of no length is no loop without end.
                let next = if timeouts.pong.is_some() { Watched::Ping } else { Watched::Silence };
                self.watch_for(next, noted, now, timeouts.pong);
                Some(Due::Ping)
            }
            _ => {
                noted.watched = Watched::Silence;
                None
            }
        }
    }

    fn watch_close(&mut self, noted: &mut Noted, now: Moment, timeouts: &Timeouts, what: Circumstances) {
        let watched = if what.waiting.watched { Watched::Closing } else { Watched::Close };
        self.watch_for(watched, noted, now, timeouts.close);
    }

    fn watch_for(&mut self, watched: Watched, noted: &mut Noted, now: Moment, wait: Option<Duration>) {
        noted.anew = if noted.watched == watched { noted.anew.saturating_add(1) } else { 0 };
        noted.watched = watched;
        noted.since.take(Since::WATCH | Since::TOLD);
        self.watch = after(now, wait);
    }
}

impl Noted {
    pub(crate) const fn new() -> Noted {
        Noted { heard: false, active: false, since: Since(0), watched: Watched::Silence, anew: 0 }
    }
}

fn after(now: Moment, wait: Option<Duration>) -> Moment {
    wait.map_or(Moment::NEVER, |wait| now + wait)
}
