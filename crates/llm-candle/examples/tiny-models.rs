//! Writes the tiny models of the tests as files, so that another program can
//! judge them: `cargo run --release -p llm-candle --example tiny-models -- DIR`
//! makes `NAME.gguf` and `NAME.tokens` (ids, one a line) of each.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool for whoever makes the goldens anew, built on the tests' support"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use support::families::{FOREIGN, SEED, tokens};
use support::tiny::plans::PLANS;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap());
    for (name, plan) in PLANS {
        if FOREIGN.contains(&name) {
            continue;
        }
        let ids: String = tokens(&plan).iter().map(|id| format!("{id}\n")).collect();
        std::fs::write(folder.join(format!("{name}.tokens")), ids).unwrap();
        std::fs::write(folder.join(format!("{name}.gguf")), plan.file(SEED)).unwrap();
        println!("{name}");
    }
}
