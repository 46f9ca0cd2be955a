#![allow(dead_code, unreachable_pub)]
pub mod pieces;
pub mod vectors;
