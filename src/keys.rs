use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use core::fmt;

/// The client's secret randomness: the handshake's nonce and one fresh masking key for each frame, all from one seed.
///
/// A ChaCha12 generator: whoever sees any number of keys cannot tell the next (RFC 6455 §5.3, §10.3). The same seed
/// gives the same keys, so that tests replay; a seed is used for one connection and never again. `Debug` shows
/// nothing of it.
///
/// ```
/// use sockless::Keys;
///
/// let mut keys = Keys::from_seed([7; 32]); // a test; else `Keys::from_os`
/// assert_ne!(keys.masking_key(), keys.masking_key());
/// ```
pub struct Keys(ChaCha12Rng);

impl Keys {
    /// Keys from 32 bytes that nobody else knows.
    pub fn from_seed(seed: [u8; 32]) -> Keys {
        Keys(ChaCha12Rng::from_seed(seed))
    }

    /// Keys from the operating system's randomness.
    ///
    /// # Errors
    /// Those of the operating system, which has randomness for everyone but early at boot.
    #[cfg(feature = "std")]
    pub fn from_os() -> Result<Keys, std::io::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Keys::from_seed(seed))
    }

    /// The next frame's masking key.
    pub fn masking_key(&mut self) -> [u8; 4] {
        self.0.next_u32().to_le_bytes()
    }

    /// Sixteen bytes for a `Sec-WebSocket-Key` (RFC 6455 §4.1).
    pub fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.0.fill_bytes(&mut nonce);
        nonce
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
