//! A model's tokenizer as the parser wants it: a trie of the bytes of all tokens, and text to tokens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use llm_tokenizer::Tokenizer;
use toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv};

/// The vocabulary of one model.
pub(crate) struct TokenEnv {
    tokenizer: &'static Tokenizer,
    trie: TokTrie,
    /// A vocabulary without tokens.
    empty: TokTrie,
    /// Whether it passes for that one.
    is_empty: AtomicBool,
}

impl TokenEnv {
    /// Reads all tokens; none where the vocabulary has no token at all.
    pub(crate) fn new(tokenizer: &'static Tokenizer) -> Option<Self> {
        let mut words = words(tokenizer);
        let mut ends = tokenizer.eog_ids().to_vec();
        if words.is_empty() {
            return None;
        }
        if ends.is_empty() {
            // A stand-in beyond the vocabulary: such a model's answers end where the grammar does.
            ends.push(u32::try_from(words.len()).ok()?);
            words.push(Vec::new());
        }
        let info = TokRxInfo::new(u32::try_from(words.len()).ok()?, ends[0]);
        Some(Self {
            tokenizer,
            trie: TokTrie::from(&info, &words).with_eos_tokens(&ends),
            empty: TokTrie::from(&TokRxInfo::new(1, 0), &[Vec::new()]),
            is_empty: AtomicBool::new(false),
        })
    }

    /// Runs what would cut the vocabulary into slices at once as if there were none to cut.
    pub(crate) fn while_empty<T>(&self, run: impl FnOnce() -> T) -> T {
        self.is_empty.store(true, Ordering::SeqCst);
        let done = run();
        self.is_empty.store(false, Ordering::SeqCst);
        done
    }
}

/// Returns the bytes of each token, as the trie marks them: markup begins with a byte that no text has, and
/// what never stands for text has none. Of two tokens for the same byte, the one that text becomes stays.
fn words(tokenizer: &Tokenizer) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::with_capacity(tokenizer.vocabulary_size());
    let mut bytes_of: HashMap<u8, usize> = HashMap::new();
    for id in 0..tokenizer.vocabulary_size() as u32 {
        let bytes = tokenizer.token_bytes(id);
        if tokenizer.is_markup(id) {
            let mut word = vec![TokTrie::SPECIAL_TOKEN_MARKER];
            word.extend(bytes);
            words.push(word);
            continue;
        }
        if let &[byte] = &bytes[..] {
            let earlier = bytes_of.insert(byte, id as usize);
            if let Some(earlier) = earlier {
                words[earlier].clear();
            }
        }
        words.push(bytes);
    }
    words
}

impl TokenizerEnv for TokenEnv {
    fn tok_trie(&self) -> &TokTrie {
        if self.is_empty.load(Ordering::SeqCst) {
            &self.empty
        } else {
            &self.trie
        }
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let encode = |text: &str| self.tokenizer.encode_continuation(text);
        self.trie.tokenize_with_greedy_fallback(bytes, encode)
    }
}
