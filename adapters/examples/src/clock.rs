use std::time::Instant;

use sockless::Moment;

/// A driver's clock: moments since its start.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// The moment.
    pub fn now(&self) -> Moment {
        Moment::from(self.0.elapsed())
    }
}
