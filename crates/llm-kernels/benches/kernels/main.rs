//! How fast each kernel is at each level that this machine has, on one thread.
//!
//! `cargo bench -p llm-kernels` runs all, `cargo bench -p llm-kernels --
//! multiply::decode` those whose path contains the words, `-- --list` lists
//! them. An item is a multiply-add where a kernel multiplies and an element
//! elsewhere; bytes are those of the weights or of the keys and values.

mod attention;
mod elements;
mod multiply;

use std::fmt;

use llm_kernels::block::Format;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

fn main() {
    divan::main();
}

/// The levels that this machine has.
fn levels() -> impl Iterator<Item = Level> {
    Level::available()
}

/// A storage format or a depth at a level.
struct Case<T> {
    subject: T,
    level: Level,
}

impl<T: fmt::Display> fmt::Display for Case<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.level.name())
    }
}

/// Each of `subjects` at all levels.
fn cases<T: Copy>(subjects: impl IntoIterator<Item = T>) -> impl Iterator<Item = Case<T>> {
    subjects
        .into_iter()
        .flat_map(|subject| levels().map(move |level| Case { subject, level }))
}

/// The calling thread alone: what is measured is the kernel, not the machine.
fn one_thread() -> Pool {
    Pool::new(1).expect("a pool of one starts no thread")
}

/// Returns `count` numbers between -1 and 1.
fn floats(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Returns `count` weights in `format`. No kernel's time depends on their values
/// as long as no scale is subnormal, and of these bytes every float is normal.
fn weights(format: Format, count: usize) -> Vec<u8> {
    let bytes = 0..format.row_bytes(count);
    bytes.map(|i| 0x2c + (i * 7 % 16) as u8).collect()
}
