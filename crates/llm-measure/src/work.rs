//! What a test has to do at the least: bytes to read and multiply-adds, from
//! the tensors' sizes and the model's numbers; and what share of the machine's
//! limits a time is.

use std::ops::Range;

use llm_engine::spec::Spec;
use llm_gguf::TensorInfo;
use llm_record::Limits;

use crate::load::Load;

/// Bytes of a number in the cache, an f16.
const CACHE_BYTES: f64 = 2.0;

/// Bytes of a number in a state, an f32.
const STATE_BYTES: f64 = 4.0;

/// What a part of a model takes of each token that goes through it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct TokenWork {
    /// Bytes that are read.
    bytes: f64,
    /// Multiply-adds of a token with quantized weights.
    integer: f64,
    /// Multiply-adds of a token with float weights.
    float: f64,
}

/// The work of one model.
#[derive(Debug, Clone)]
pub struct Work {
    layers: TokenWork,
    /// The output matrix, which only tokens with logits go through.
    head: TokenWork,
    /// One entry a layer that attends.
    attention: Vec<Attention>,
    /// Elements of the states of a sequence, in all layers that have one.
    states: f64,
}

/// The sizes of one layer's attention.
#[derive(Debug, Clone, Copy)]
struct Attention {
    /// Positions that it sees at most.
    window: usize,
    /// Elements of a query and of what attention gives for it.
    query_width: f64,
    /// Elements of the keys and values of a position.
    kv_width: f64,
}

/// What share of a limit was reached; `None` where the limit says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shares {
    /// Of the bytes that memory gives in the time.
    pub bandwidth: Option<f64>,
    /// Of the multiply-adds that the processor does in the time.
    pub compute: Option<f64>,
}

/// What a load elapsed: times in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Elapsed {
    /// From its start to its end.
    pub whole: f64,
    /// After the prompts.
    pub decoding: f64,
    /// Bytes of the output matrix that decoding read; the best logits alone need
    /// not all of them.
    pub output_bytes: f64,
}

impl Work {
    /// Adds up the tensors of a model with these numbers.
    #[must_use]
    pub fn new(tensors: &[TensorInfo], spec: &Spec) -> Self {
        let has_output = tensors.iter().any(|tensor| tensor.name == "output.weight");
        let head = if has_output {
            "output.weight"
        } else {
            "token_embd.weight"
        };
        // A token goes through some of the experts, which are stacked.
        let share = spec
            .experts
            .map_or(1.0, |experts| experts.used as f64 / experts.count as f64);
        let part = |wanted: &dyn Fn(&str) -> bool| {
            let tensors = tensors.iter().filter(|tensor| wanted(&tensor.name));
            tensors.fold(TokenWork::default(), |part, tensor| {
                let is_stack = tensor.name.contains("_exps.");
                part.with(tensor, if is_stack { share } else { 1.0 })
            })
        };
        let attends = |layer: &usize| spec.layers[*layer].attends;
        let attention = |layer: usize| Attention {
            window: spec.layers[layer].window.unwrap_or(usize::MAX),
            query_width: (spec.query_width(layer) + spec.attended_width(layer)) as f64,
            kv_width: (spec.key_width(layer) + spec.value_width(layer)) as f64,
        };
        let attending = (0..spec.layers.len()).filter(attends);
        let is_inner = |name: &str| name.starts_with("blk.") || name.contains("_model_proj.");
        Self {
            layers: part(&is_inner),
            head: part(&|name| name == head),
            attention: attending.map(attention).collect(),
            states: spec.state_elements() as f64,
        }
    }

    /// Returns the shares of the limits that a load reached: of the arithmetic
    /// over all of it, of the bandwidth after the prompts.
    #[must_use]
    pub fn shares(&self, load: &Load, elapsed: Elapsed, limits: &Limits) -> Shares {
        let sequences = load.parallel as f64;
        let (prompt, generated) = (load.test.prompt as f64, load.test.generated as f64);
        // Of a prompt, only the last token gets logits.
        let heads = sequences * (generated + f64::from(load.test.prompt > 0));
        let tokens = sequences * (prompt + generated);
        let (begin, end) = (load.depth, load.positions());
        // Scores and sums, each a multiply-add for each element of a query.
        let attention = sequences * self.seen(begin..end, |layer| layer.query_width);
        let integer = tokens * self.layers.integer + heads * self.head.integer;
        // A token looks a state through, changes it and reads from it.
        let states = 3.0 * tokens * self.states;
        let float = tokens * self.layers.float + heads * self.head.float + attention + states;
        let arithmetic =
            integer / limits.integer_macs_per_second + float / limits.float_macs_per_second;
        // The sequences of a decoding step share one reading of the weights.
        let cached = sequences * self.seen(begin + load.test.prompt..end, |layer| layer.kv_width);
        let bytes = generated * self.layers.bytes
            + elapsed.output_bytes
            + cached * CACHE_BYTES
            + generated * sequences * self.states * STATE_BYTES;
        let reading = bytes / limits.read_bytes_per_second;
        Shares {
            bandwidth: (load.test.generated > 0).then_some(reading / elapsed.decoding),
            compute: Some(arithmetic / elapsed.whole),
        }
    }

    /// Returns the sum over all layers of how many positions the tokens at
    /// `positions` of one sequence see, their own included, times a width of the
    /// layer.
    fn seen(&self, positions: Range<usize>, width: fn(&Attention) -> f64) -> f64 {
        let layer = |attention: &Attention| {
            let positions = positions.clone();
            let seen = positions.map(|position| (position + 1).min(attention.window) as f64);
            seen.sum::<f64>() * width(attention)
        };
        self.attention.iter().map(layer).sum()
    }
}

impl TokenWork {
    /// Adds a tensor, of which a token meets `share`.
    fn with(self, tensor: &TensorInfo, share: f64) -> Self {
        let macs = match tensor.shape.len() {
            2 | 3 => tensor.elements() as f64 * share,
            _ => 0.0,
        };
        let is_quantized = tensor.dtype.block_elements().is_some_and(|block| block > 1);
        let (integer, float) = if is_quantized {
            (macs, 0.0)
        } else {
            (0.0, macs)
        };
        Self {
            bytes: self.bytes + tensor.size.unwrap_or(0) as f64 * share,
            integer: self.integer + integer,
            float: self.float + float,
        }
    }
}

#[cfg(test)]
mod tests {
    use llm_engine::synthetic::Synthetic;

    use super::*;
    use crate::load::Test;

    const LIMITS: Limits = Limits {
        read_bytes_per_second: 1e9,
        integer_macs_per_second: 1e12,
        float_macs_per_second: 1e11,
    };

    fn work(name: &str) -> (Work, Synthetic) {
        let synthetic = Synthetic::parse(name).unwrap();
        let spec = Spec::from_metadata(&synthetic.metadata()).unwrap();
        (Work::new(&synthetic.tensors(), &spec), synthetic)
    }

    fn load(prompt: usize, generated: usize, depth: usize, parallel: usize) -> Load {
        Load {
            test: Test { prompt, generated },
            depth,
            parallel,
            best: true,
        }
    }

    fn elapsed(whole: f64, decoding: f64, output_bytes: f64) -> Elapsed {
        Elapsed {
            whole,
            decoding,
            output_bytes,
        }
    }

    /// A prompt and tokens behind it: reading counts for the tokens and in their
    /// time alone, as if the prompt had been there before.
    #[test]
    fn a_prompt_before_the_tokens_takes_no_bandwidth_from_them() {
        let (work, _) = work("tiny-gemma3:q4_0");
        let both = work.shares(&load(200, 30, 10, 2), elapsed(5.0, 2.0, 7e6), &LIMITS);
        let alone = work.shares(&load(0, 30, 210, 2), elapsed(2.0, 2.0, 7e6), &LIMITS);
        assert_eq!(both.bandwidth, alone.bandwidth);
        let prompt = work.shares(&load(200, 0, 10, 2), elapsed(3.0, 0.0, 0.0), &LIMITS);
        // The prompt's logits are computed in both, once for each sequence.
        let sum = 3.0 * prompt.compute.unwrap() + 2.0 * alone.compute.unwrap();
        assert!((5.0 * both.compute.unwrap() / sum - 1.0).abs() < 1e-9);
    }

    /// llama-3.2-1b is tied: every weight but those of the norms is read for
    /// each token, and 16 layers of 512 keys and values of a position.
    #[test]
    fn decoding_reads_all_weights_and_the_cache() {
        let (work, synthetic) = work("llama-3.2-1b:q4_k_m");
        let output_bytes = 10.0 * work.head.bytes;
        let shares = work.shares(
            &load(0, 10, 1000, 4),
            elapsed(2.0, 2.0, output_bytes),
            &LIMITS,
        );
        let positions: usize = (1001..=1010).sum();
        let cache = 4 * 16 * positions * 2 * 512 * 2;
        let bytes = 10.0 * synthetic.weight_bytes() as f64 + cache as f64;
        let expected = bytes / 1e9 / 2.0;
        assert!((shares.bandwidth.unwrap() / expected - 1.0).abs() < 1e-4);
    }

    /// The layers have 973 million multiply-adds a token, from
    /// the widths: 16 (2048 (2048 + 2 x 512 + 2048) + 3 x 2048 x 8192).
    #[test]
    fn a_prompt_is_arithmetic_and_has_logits_once() {
        let (work, _) = work("llama-3.2-1b:q8_0");
        let shares = work.shares(&load(100, 0, 0, 1), elapsed(1.0, 0.0, 0.0), &LIMITS);
        let layer = 2048 * (2048 + 2 * 512 + 2048) + 3 * 2048 * 8192;
        let integer = 100.0 * 16.0 * layer as f64 + 128_256.0 * 2048.0;
        let attention = 16.0 * 2.0 * 2048.0 * 5050.0;
        let expected = integer / 1e12 + attention / 1e11;
        assert!((shares.compute.unwrap() / expected - 1.0).abs() < 1e-9);
        assert_eq!(shares.bandwidth, None);
    }

    #[test]
    fn floats_count_against_the_float_peak_and_windows_end_sight() {
        let (quantized, _) = work("tiny-llama:q8_0");
        let (floats, _) = work("tiny-llama:f16");
        let compute = |work: &Work| {
            let shares = work.shares(&load(1, 0, 0, 1), elapsed(1.0, 0.0, 0.0), &LIMITS);
            shares.compute.unwrap()
        };
        assert!(compute(&floats) > 8.0 * compute(&quantized));
        let (gemma, _) = work("gemma-3-270m:q8_0");
        // 15 layers with a window of 512, 3 without.
        let expected = 15.0 * 512.0 + 3.0 * 4097.0;
        assert_eq!(gemma.seen(4096..4097, |_| 1.0), expected);
    }
}
