use core::ops::Add;
use core::time::Duration;

/// A moment: the time since an origin that the driver chose once and keeps (program start, boot, an epoch).
///
/// The crate reads no clock. A driver makes moments from its own clock and hands them to `poll_timeout` and
/// `handle_timeout`; they must not run backwards. Resolution is one nanosecond, the range 584 years: a later moment
/// is held at the end of the range.
///
/// ```
/// use core::time::Duration;
/// use sockless::Moment;
///
/// let now = Moment::from(Duration::from_secs(5));
/// let due = now + Duration::from_millis(1500);
/// assert_eq!(due.since(now), Duration::from_millis(1500));
/// assert_eq!(now.since(due), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The origin itself.
    pub const ORIGIN: Moment = Moment(0);

    /// Later than any moment a driver can name: the mark of a deadline that is not running.
    pub(crate) const NEVER: Moment = Moment(u64::MAX);

    /// The time from `earlier` to this moment; zero if `earlier` is the later one.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment, or `None` if it is [`Moment::NEVER`].
    pub(crate) fn running(self) -> Option<Moment> {
        (self != Moment::NEVER).then_some(self)
    }
}

impl From<Duration> for Moment {
    /// The moment this long after the origin.
    fn from(since_origin: Duration) -> Moment {
        Moment::ORIGIN + since_origin
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    // Saturating, and one short of the mark that no deadline runs.
    #[allow(clippy::suspicious_arithmetic_impl)]
    fn add(self, later: Duration) -> Moment {
        let nanos = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(nanos).min(u64::MAX - 1))
    }
}
