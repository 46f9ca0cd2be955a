//! What the tests share.
// Each test file uses some of it; the numbers in the vectors are small.
#![allow(dead_code, unreachable_pub, clippy::cast_possible_truncation)]

pub mod run;
pub mod subject;
pub mod vectors;
