//! What the tests share.
#![allow(dead_code, unreachable_pub)] // each test file uses some of it

pub mod run;
pub mod subject;
pub mod vectors;
