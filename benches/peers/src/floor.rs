//! The floor: what an idealised parser costs that checks no rule of the protocol, unmasks in place with the widest
//! registers there are, and is `unsafe` wherever that helps. Nobody should use it.

use std::arch::x86_64::*;
use std::hint::black_box;

use base64::Engine;
use sha1::{Digest, Sha1};

use crate::Run;
use crate::peer::BATCH;
use crate::rows::{Row, Work};
use crate::seen::Seen;

pub fn build(row: &Row) -> Option<Run> {
    if !is_x86_feature_detected!("avx2") {
        return None;
    }
    // SAFETY of every call below: AVX2 is there, and AVX-512 where it is asked for.
    let xor: unsafe fn(*mut u8, *const u8, usize, u32) =
        if is_x86_feature_detected!("avx512bw") { xor_avx512 } else { xor_avx2 };
    Some(match row.work {
        Work::Receive(_) if row.size > row.read => return None,
        Work::Receive(_) => receive(row, xor),
        Work::Parts | Work::Fragments => parts(row, xor),
        Work::Send | Work::Masked => send(row, xor),
        Work::Echo => echo(row, xor),
        Work::Handshake => handshake(row),
        Work::Shared | Work::Inflate(_) | Work::Compress(_) => return None,
    })
}

type Xor = unsafe fn(*mut u8, *const u8, usize, u32);

struct Header {
    head: u8,
    len: usize,
    key: u32,
    payload: usize,
}

/// Whatever is in the buffer behind `at`, believed.
#[inline(always)]
unsafe fn header(buffer: *const u8, at: usize) -> Header {
    unsafe {
        let (head, short) = (*buffer.add(at), (*buffer.add(at + 1) & 0x7f) as usize);
        let (len, key) = match short {
            126 => (u16::from_be_bytes(buffer.add(at + 2).cast::<[u8; 2]>().read()) as usize, at + 4),
            127 => (u64::from_be_bytes(buffer.add(at + 2).cast::<[u8; 8]>().read()) as usize, at + 10),
            _ => (short, at + 2),
        };
        Header { head, len, key: buffer.add(key).cast::<u32>().read_unaligned(), payload: key + 4 }
    }
}

/// A buffer with room behind what was read, so that nothing reads beyond it.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn new(read: usize) -> Buffer {
        Buffer { bytes: vec![0; 2 * read + 128], start: 0, end: 0 }
    }

    #[inline(always)]
    fn fill(&mut self, read: &[u8]) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes[self.end..self.end + read.len()].copy_from_slice(read);
        self.end += read.len();
    }

    /// The next frame that is whole; its place is behind us then.
    #[inline(always)]
    unsafe fn frame(&mut self) -> Option<Header> {
        // A client's frame has six bytes at least.
        if self.end - self.start < 6 {
            return None;
        }
        let header = unsafe { header(self.bytes.as_ptr(), self.start) };
        let end = header.payload.wrapping_add(header.len);
        if end > self.end {
            return None;
        }
        self.start = end;
        Some(header)
    }
}

fn receive(row: &Row, xor: Xor) -> Run {
    let (wire, read, text) = (row.wire(), row.read, row.is_text());
    let mut buffer = Buffer::new(read);
    Box::new(move |seen| {
        for read in wire.chunks(read) {
            buffer.fill(read);
            while let Some(frame) = unsafe { buffer.frame() } {
                let payload = unsafe {
                    let payload = buffer.bytes.as_mut_ptr().add(frame.payload);
                    xor(payload, payload, frame.len, frame.key);
                    std::slice::from_raw_parts(payload, frame.len)
                };
                if text {
                    let valid = match payload.len() {
                        0..64 => std::str::from_utf8(payload).is_ok(),
                        _ => simdutf8::basic::from_utf8(payload).is_ok(),
                    };
                    assert!(valid);
                }
                seen.see(payload);
            }
        }
    })
}

/// Payload as it comes: only headers are kept from read to read.
fn parts(row: &Row, xor: Xor) -> Run {
    let (wire, read) = (row.wire(), row.read);
    let mut buffer = Buffer::new(read);
    let (mut left, mut key) = (0, 0);
    Box::new(move |seen| {
        for read in wire.chunks(read) {
            buffer.fill(read);
            loop {
                if left == 0 {
                    // A whole ping or a whole header: the last payload is longer than that.
                    if buffer.end - buffer.start < 24 {
                        break;
                    }
                    let header = unsafe { header(buffer.bytes.as_ptr(), buffer.start) };
                    buffer.start = header.payload;
                    if header.head & 8 != 0 {
                        black_box(&buffer.bytes[header.payload..][..header.len]);
                        buffer.start += header.len;
                        continue;
                    }
                    (left, key) = (header.len, header.key);
                }
                let len = left.min(buffer.end - buffer.start);
                if len == 0 {
                    break;
                }
                let payload = unsafe {
                    let payload = buffer.bytes.as_mut_ptr().add(buffer.start);
                    xor(payload, payload, len, key);
                    std::slice::from_raw_parts(payload, len)
                };
                seen.see(payload);
                key = key.rotate_right(8 * (len as u32 % 4));
                left -= len;
                buffer.start += len;
            }
        }
    })
}

fn send(row: &Row, xor: Xor) -> Run {
    let (payload, messages, masked) = (row.payload(), row.messages, row.work == Work::Masked);
    let mut output = vec![0; BATCH + row.size + 128];
    let mut key: u32 = 1;
    Box::new(move |seen| {
        let mut end = 0;
        for _ in 0..messages {
            let payload = black_box(&payload[..]);
            unsafe {
                let to = output.as_mut_ptr();
                end += put_header(to.add(end), payload.len(), masked);
                if masked {
                    key = key.wrapping_mul(0x9e37_79b9).wrapping_add(0x7f4a_7c15);
                    to.add(end).cast::<u32>().write_unaligned(key);
                    end += 4;
                    xor(to.add(end), payload.as_ptr(), payload.len(), key);
                } else {
                    std::ptr::copy_nonoverlapping(payload.as_ptr(), to.add(end), payload.len());
                }
            }
            end += payload.len();
            if end >= BATCH {
                seen.see(&output[..end]);
                end = 0;
            }
        }
        seen.see(&output[..end]);
    })
}

/// Unmasked on the way into the output.
fn echo(row: &Row, xor: Xor) -> Run {
    let (wire, read) = (row.wire(), row.read);
    let mut buffer = Buffer::new(read);
    let mut output = vec![0; 2 * read + 128];
    Box::new(move |seen| {
        for read in wire.chunks(read) {
            buffer.fill(read);
            let mut end = 0;
            while let Some(frame) = unsafe { buffer.frame() } {
                unsafe {
                    let (from, to) = (buffer.bytes.as_ptr().add(frame.payload), output.as_mut_ptr());
                    end += put_header(to.add(end), frame.len, false);
                    xor(to.add(end), from, frame.len, frame.key);
                }
                end += frame.len;
            }
            seen.see(&output[..end]);
        }
    })
}

fn handshake(row: &Row) -> Run {
    let (wire, mut buffer, mut output) = (row.wire(), vec![0; row.read], vec![0; 256]);
    Box::new(move |seen: &mut Seen| {
        buffer[..wire.len()].copy_from_slice(&wire);
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(&buffer[..wire.len()]).is_ok_and(|status| status.is_complete()));
        let key = request.headers.iter().find(|field| field.name.len() == 17 && field.name.ends_with("Key"));
        let mut text = [0; 60];
        text[..24].copy_from_slice(key.expect("a key").value);
        text[24..].copy_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: ";
        output[..head.len()].copy_from_slice(head);
        let end = head.len() + 28;
        let encoded = base64::engine::general_purpose::STANDARD
            .encode_slice(Sha1::digest(text), &mut output[head.len()..end]);
        assert_eq!(encoded, Ok(28));
        output[end..end + 4].copy_from_slice(b"\r\n\r\n");
        seen.see(&output[..end + 4]);
    })
}

#[inline(always)]
unsafe fn put_header(to: *mut u8, len: usize, masked: bool) -> usize {
    let bit = if masked { 0x80 } else { 0 };
    unsafe {
        *to = 0x82;
        match len {
            0..126 => {
                *to.add(1) = bit | len as u8;
                2
            }
            126..=0xffff => {
                *to.add(1) = bit | 126;
                to.add(2).cast::<[u8; 2]>().write((len as u16).to_be_bytes());
                4
            }
            _ => {
                *to.add(1) = bit | 127;
                to.add(2).cast::<[u8; 8]>().write((len as u64).to_be_bytes());
                10
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn xor_avx512(to: *mut u8, from: *const u8, len: usize, key: u32) {
    unsafe {
        let mut wide = _mm512_set1_epi32(key as i32);
        let mut at = 0;
        if len >= 1024 {
            // No store of the long loop shall cross a cache line.
            let skip = to.align_offset(64);
            let mask = (1u64 << skip) - 1;
            let block = _mm512_maskz_loadu_epi8(mask, from.cast());
            _mm512_mask_storeu_epi8(to.cast(), mask, _mm512_xor_si512(block, wide));
            wide = _mm512_set1_epi32(key.rotate_right(8 * (skip as u32 % 4)) as i32);
            at = skip;
        }
        while at + 256 <= len {
            let a = _mm512_xor_si512(_mm512_loadu_si512(from.add(at).cast()), wide);
            let b = _mm512_xor_si512(_mm512_loadu_si512(from.add(at + 64).cast()), wide);
            let c = _mm512_xor_si512(_mm512_loadu_si512(from.add(at + 128).cast()), wide);
            let d = _mm512_xor_si512(_mm512_loadu_si512(from.add(at + 192).cast()), wide);
            _mm512_storeu_si512(to.add(at).cast(), a);
            _mm512_storeu_si512(to.add(at + 64).cast(), b);
            _mm512_storeu_si512(to.add(at + 128).cast(), c);
            _mm512_storeu_si512(to.add(at + 192).cast(), d);
            at += 256;
        }
        while at + 64 <= len {
            let block = _mm512_xor_si512(_mm512_loadu_si512(from.add(at).cast()), wide);
            _mm512_storeu_si512(to.add(at).cast(), block);
            at += 64;
        }
        // No masked store here: the next header could not be forwarded from it.
        xor_rest(to, from, at, len, _mm512_castsi512_si256(wide));
    }
}

/// The last bytes, by ever smaller registers.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn xor_rest(to: *mut u8, from: *const u8, mut at: usize, len: usize, wide: __m256i) {
    unsafe {
        while at + 32 <= len {
            let block = _mm256_xor_si256(_mm256_loadu_si256(from.add(at).cast()), wide);
            _mm256_storeu_si256(to.add(at).cast(), block);
            at += 32;
        }
        let wide = _mm256_castsi256_si128(wide);
        if at + 16 <= len {
            let block = _mm_xor_si128(_mm_loadu_si128(from.add(at).cast()), wide);
            _mm_storeu_si128(to.add(at).cast(), block);
            at += 16;
        }
        let key = _mm_cvtsi128_si64(wide) as u64;
        if at + 8 <= len {
            to.add(at).cast::<u64>().write_unaligned(from.add(at).cast::<u64>().read_unaligned() ^ key);
            at += 8;
        }
        let mut key = key;
        while at < len {
            *to.add(at) = *from.add(at) ^ key as u8;
            key >>= 8;
            at += 1;
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn xor_avx2(to: *mut u8, from: *const u8, len: usize, key: u32) {
    unsafe {
        xor_rest(to, from, 0, len, _mm256_set1_epi32(key as i32));
    }
}
