use core::mem;
use core::time::Duration;

use crate::Moment;

/// How far a handshake over raw bytes has come, and how long it may take. How it came out stays so.
pub(crate) struct Progress<T, E> {
    state: State<T, E>,
    time: Duration,
    /// Armed by the first look at the clock.
    due: Moment,
}

enum State<T, E> {
    /// With what it needs until it is over.
    Waiting(T),
    Complete,
    Failed(E),
}

impl<T, E: Copy> Progress<T, E> {
    /// A handshake that may take so much time.
    pub(crate) const fn new(waiting: T, time: Duration) -> Progress<T, E> {
        Progress { state: State::Waiting(waiting), time, due: Moment::NEVER }
    }

    /// What waits for input, unless it is complete.
    #[inline]
    pub(crate) fn waiting(&mut self) -> Result<Option<&mut T>, E> {
        match &mut self.state {
            State::Waiting(waiting) => Ok(Some(waiting)),
            State::Complete => Ok(None),
            State::Failed(error) => Err(*error),
        }
    }

    /// It is over, in good order. Gives what was waiting.
    #[inline]
    pub(crate) fn complete(&mut self) -> Option<T> {
        match mem::replace(&mut self.state, State::Complete) {
            State::Waiting(waiting) => Some(waiting),
            State::Complete | State::Failed(_) => None,
        }
    }

    pub(crate) fn fail<R>(&mut self, error: E) -> Result<R, E> {
        self.state = State::Failed(error);
        Err(error)
    }

    /// The transport has ended: too early, if more was to come.
    pub(crate) fn receive_eof(&mut self, early: E) -> Result<(), E> {
        if self.waiting()?.is_some() { self.fail(early) } else { Ok(()) }
    }

    /// When the time will have run out.
    pub(crate) fn poll_timeout(&mut self, now: Moment) -> Option<Moment> {
        if !matches!(self.state, State::Waiting(_)) {
            return None;
        }
        if self.due == Moment::NEVER {
            self.due = now + self.time;
        }
        self.due.running()
    }

    /// Fails if the time has run out.
    pub(crate) fn handle_timeout(&mut self, now: Moment, late: E) -> Result<(), E> {
        self.waiting()?;
        let has_passed = self.poll_timeout(now).is_some_and(|due| due <= now);
        if has_passed { self.fail(late) } else { Ok(()) }
    }
}
