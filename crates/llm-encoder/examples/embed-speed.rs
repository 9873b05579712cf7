//! Times an encoder's pass over the lines of a file: what `scripts/bench-embed`
//! sets beside other programs. Lines of more than 20 characters count; they are
//! read and tokenized before the clock starts, sorted by length and embedded so
//! many tokens at a time. Prints a line of JSON: tokens per second of the best and
//! the median round, and of the best of each batch, which other programs on the
//! machine disturb least.
//!
//! usage: embed-speed MODEL FILE `f32|q8_0` THREADS TOKENS ROUNDS

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for measuring, not a part of the toolkit"
)]

use std::path::Path;
use std::time::Instant;

use llm_encoder::Encoder;
use llm_folder::Loading;
use llm_kernels::pool::Pool;
use llm_kernels::probe;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, precision, threads, most, rounds] = arguments.as_slice() else {
        println!("usage: embed-speed MODEL FILE f32|q8_0 THREADS TOKENS ROUNDS");
        return;
    };
    let (level, pool) = (
        Level::detect().unwrap(),
        Pool::new(threads.parse().unwrap()).unwrap(),
    );
    let loading = Loading {
        packing: (precision == "q8_0").then_some(QuantType::Q8_0),
        level,
        pool: &pool,
        room: None,
        interrupted: &|| false,
    };
    let started = Instant::now();
    let encoder = Encoder::open(Path::new(model), Some(&loading), level).unwrap();
    let opened = started.elapsed();
    let limits = probe::measure(level, &pool, 64 << 20);
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| line.chars().count() > 20).collect();
    let started = Instant::now();
    let mut texts: Vec<Vec<u32>> = lines.iter().map(|line| encoder.tokens(line)).collect();
    let tokenized = started.elapsed();
    texts.sort_by_key(Vec::len);
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let batches = batches(&texts, most.parse().unwrap());
    let mut least = vec![f64::INFINITY; batches.len()];
    let mut rates: Vec<f64> = (0..rounds.parse().unwrap())
        .map(|_| {
            let started = Instant::now();
            for (batch, least) in batches.iter().zip(&mut least) {
                let started = Instant::now();
                encoder.embed(&pool, batch, encoder.pooling());
                *least = least.min(started.elapsed().as_secs_f64());
            }
            tokens as f64 / started.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "{{\"integer_gmacs\":{:.0},\"float_gmacs\":{:.0},\"lines\":{},\"tokens\":{tokens},\"batches\":{},\"open_ms\":{:.1},\"tokenize_ms\":{:.1},\"undisturbed\":{:.0},\"best\":{:.0},\"median\":{:.0}}}",
        limits.integer_macs_per_second / 1e9,
        limits.float_macs_per_second / 1e9,
        lines.len(),
        batches.len(),
        opened.as_secs_f64() * 1e3,
        tokenized.as_secs_f64() * 1e3,
        tokens as f64 / least.iter().sum::<f64>(),
        rates[rates.len() - 1],
        rates[rates.len() / 2],
    );
}

/// Groups neighbouring texts until they have `most` tokens together.
fn batches(texts: &[Vec<u32>], most: usize) -> Vec<Vec<&[u32]>> {
    let mut batches: Vec<Vec<&[u32]>> = Vec::new();
    let mut count = usize::MAX;
    for text in texts {
        if count.saturating_add(text.len()) > most {
            batches.push(Vec::new());
            count = 0;
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(text);
            count += text.len();
        }
    }
    batches
}
