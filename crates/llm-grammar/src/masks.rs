//! Which tokens a parser allows: read from the trie of the whole vocabulary, or with slices, kinds of tokens that a
//! grammar allows or not as a whole. With slices a mask takes microseconds where a text is free, without them some
//! hundred; but to find them takes three times as long as to read the vocabulary, which an answer of a few tokens is
//! not worth. So they are found in the background, once as much time was spent without them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use llguidance::earley::{BiasComputer, ParserRecognizer, SlicedBiasComputer};
use toktrie::{SimpleVob, TokEnv, TokTrie};

/// What the slices may cost: after so long without them they are found.
const WORTH: Duration = Duration::from_millis(50);

/// The masks of all answers of one vocabulary.
pub(crate) struct Masks {
    token_env: TokEnv,
    slices: Arc<OnceLock<SlicedBiasComputer>>,
    /// Time that was spent without slices, in microseconds.
    spent: AtomicU64,
    /// Whether they are being found.
    is_begun: AtomicBool,
}

impl Masks {
    pub(crate) fn new(token_env: TokEnv) -> Self {
        Self {
            token_env,
            slices: Arc::default(),
            spent: AtomicU64::new(0),
            is_begun: AtomicBool::new(false),
        }
    }

    /// Returns the expressions that slices are made of.
    pub(crate) fn slices() -> Vec<String> {
        SlicedBiasComputer::json_slices()
    }

    /// Notes time that was spent without slices, and has them found where that is worth it.
    fn spent(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let spent = self.spent.fetch_add(micros, Ordering::Relaxed) + micros;
        if Duration::from_micros(spent) < WORTH || self.is_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let (token_env, slices) = (self.token_env.clone(), Arc::clone(&self.slices));
        let find = move || {
            if let Ok(found) = SlicedBiasComputer::new(&token_env, &Self::slices()) {
                let _ = slices.set(found);
            }
        };
        // Where there is no thread the masks go on as they are.
        let _ = thread::Builder::new().name("slices".to_owned()).spawn(find);
    }
}

impl BiasComputer for Masks {
    fn compute_bias(&self, rec: &mut ParserRecognizer<'_>, start: &[u8]) -> SimpleVob {
        if let Some(slices) = self.slices.get() {
            return slices.compute_bias(rec, start);
        }
        let began = Instant::now();
        let mut allowed = self.trie().alloc_token_set();
        self.trie().add_bias(rec, &mut allowed, start);
        self.spent(began.elapsed());
        allowed
    }

    fn trie(&self) -> &TokTrie {
        self.token_env.tok_trie()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use llm_engine::generate::Grammar;
    use llm_gguf::{Gguf, shard_paths};
    use llm_tokenizer::Tokenizer;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use serde_json::json;

    use super::*;
    use crate::compiler::{Compiler, Rule};

    fn compiler() -> Compiler {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let file = shard_paths(&models.join("ggml-vocab/ggml-vocab-llama-bpe.gguf"));
        let tokenizer = Tokenizer::from_gguf(Gguf::open(&file).unwrap().metadata()).unwrap();
        Compiler::new(Box::leak(Box::new(tokenizer))).unwrap()
    }

    fn rules() -> Vec<Rule> {
        let fields = json!({"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
            "tags": {"type": "array", "items": {"type": "string"}}, "n": {"type": "number"}},
            "required": ["name", "tags"], "additionalProperties": {"type": "string"}});
        let schema = |schema| Rule::Schema {
            schema,
            is_compact: false,
            is_loose: false,
        };
        vec![
            schema(fields),
            schema(json!(true)),
            Rule::Regex("[^\\n]{1,40}\\n(yes|no)".to_owned()),
        ]
    }

    /// An answer that changes over in its midst would have other tokens if any of them differed.
    #[test]
    fn slices_change_no_mask() {
        let (plain, sliced) = (compiler(), compiler());
        let found = SlicedBiasComputer::new(&sliced.masks.token_env, &Masks::slices());
        assert!(sliced.masks.slices.set(found.unwrap()).is_ok());
        for rule in rules() {
            let [plain, sliced] = [&plain, &sliced].map(|one| one.compile(&rule).unwrap());
            for answer in 0..4 {
                let mut random = ChaCha8Rng::from_seed([answer; 32]);
                let (mut one, mut other) = (plain.start(), sliced.start());
                for _ in 0..40 {
                    if one.is_over().unwrap() {
                        break;
                    }
                    let allowed = one.allowed().unwrap();
                    assert_eq!(allowed, other.allowed().unwrap());
                    let tokens: Vec<_> = allowed.iter().collect();
                    let token = tokens[random.next_u64() as usize % tokens.len()] as u32;
                    if one.accept(token).is_err() {
                        break;
                    }
                    other.accept(token).unwrap();
                }
            }
        }
        assert!(plain.masks.spent.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn slices_are_found_once_they_are_worth_it() {
        let compiler = compiler();
        let masks = &compiler.masks;
        masks.spent(WORTH / 2);
        assert!(!masks.is_begun.load(Ordering::Relaxed));
        masks.spent(WORTH);
        let began = Instant::now();
        while masks.slices.get().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(5));
        }
    }
}
