//! What the tests share. Each property is written once here and run by proptest, by libFuzzer and over the corpus.
#![allow(dead_code, unreachable_pub)] // each test file uses some of it

pub mod closing;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod figure;
pub mod frame_header;
pub mod generate;
pub mod handshake;
#[cfg(feature = "hixie")]
pub mod hixie;
pub mod hostile;
pub mod opening;
pub mod oracle;
pub mod pieces;
pub mod properties;
pub mod run;
pub mod subject;
pub mod utf8;
pub mod vectors;
pub mod wire;
