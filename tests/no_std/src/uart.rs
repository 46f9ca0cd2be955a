//! A serial line, a clock and a source of randomness, each a register at an address that means nothing.

use core::convert::Infallible;
use core::time::Duration;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use sockless::Moment;
use sockless_embedded::Wire;

const STATUS: *mut u32 = core::ptr::without_provenance_mut(0x4000_4400);
const DATA: *mut u32 = core::ptr::without_provenance_mut(0x4000_4404);
const MILLIS: *mut u32 = core::ptr::without_provenance_mut(0x4000_4408);
#[allow(dead_code)] // a server needs none
const RANDOM: *mut u32 = core::ptr::without_provenance_mut(0x4000_440c);

pub struct Uart;

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(unsafe { STATUS.read_volatile() } & 1 != 0)
    }
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let Some(byte) = buffer.first_mut() else { return Ok(0) };
        while !self.read_ready()? {}
        *byte = unsafe { DATA.read_volatile() } as u8;
        Ok(1)
    }
}

impl Write for Uart {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, Infallible> {
        for byte in buffer {
            unsafe { DATA.write_volatile(u32::from(*byte)) };
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Wire for Uart {
    fn shutdown_write(&mut self) -> Result<(), Infallible> {
        unsafe { STATUS.write_volatile(0) };
        Ok(())
    }
}

pub fn now() -> Moment {
    Moment::from(Duration::from_millis(u64::from(unsafe { MILLIS.read_volatile() })))
}

#[allow(dead_code)] // a server needs none
pub fn seed() -> [u8; 32] {
    core::array::from_fn(|_| unsafe { RANDOM.read_volatile() } as u8)
}
