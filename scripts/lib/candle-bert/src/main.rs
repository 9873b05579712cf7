//! Times candle-transformers' BERT over texts that are tokens already, for
//! `scripts/bench-embed`: padded batches of texts sorted by length. Prints tokens
//! per second, padding not counted, of the median of the rounds.
//!
//! usage: candle-bert MODEL IDS BATCH ROUNDS (IDS: an array of ids a line)

use std::time::Instant;

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, ids, size, rounds] = arguments.as_slice() else {
        bail!("usage: candle-bert MODEL IDS BATCH ROUNDS");
    };
    let (size, rounds): (usize, usize) = (size.parse()?, rounds.parse()?);
    let config: Config =
        serde_json::from_str(&std::fs::read_to_string(format!("{model}/config.json"))?)?;
    let weights = std::fs::read(format!("{model}/model.safetensors"))?;
    let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let bert = BertModel::load(weights, &config)?;
    let read = |line: &str| serde_json::from_str::<Vec<u32>>(line);
    let text = std::fs::read_to_string(ids)?;
    let mut texts = text.lines().map(read).collect::<Result<Vec<_>, _>>()?;
    texts.sort_by_key(Vec::len);
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let batches = texts.chunks(size).map(padded).collect::<Result<Vec<_>>>()?;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        for [ids, types, mask] in &batches {
            bert.forward(ids, types, Some(mask))?;
        }
        rates.push(tokens as f64 / started.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    println!("{:.0}", rates[rates.len() / 2]);
    Ok(())
}

/// Returns ids, types and mask of a batch, (texts, longest text) each.
fn padded(texts: &[Vec<u32>]) -> Result<[Tensor; 3]> {
    let longest = texts.iter().map(Vec::len).max().unwrap_or_default();
    let (mut ids, mut mask) = (Vec::new(), Vec::new());
    for text in texts {
        ids.extend((0..longest).map(|at| text.get(at).copied().unwrap_or_default()));
        mask.extend((0..longest).map(|at| u32::from(at < text.len())));
    }
    let ids = Tensor::from_vec(ids, (texts.len(), longest), &Device::Cpu)?;
    let mask = Tensor::from_vec(mask, (texts.len(), longest), &Device::Cpu)?;
    Ok([ids.clone(), ids.zeros_like()?, mask])
}
