//! Beginnings of prompts that outlive a run.

use llm_kernels::attention::BLOCK;

use crate::cache::SequenceId;
use crate::forward::Forward;
use llm_tokenizer::common_prefix_len;

/// Blocks of the longest prefix that is looked for.
const MOST_BLOCKS: usize = 128;

/// Requests that are looked up: those of a run begin alike, or not at all.
const MOST_LOOKS: usize = 8;

/// A place for keys and values, which knows the model that they belong to.
pub trait PrefixStore {
    /// Returns what was kept for these tokens.
    fn find(&mut self, tokens: &[u32]) -> Option<Vec<u8>>;

    /// Keeps the state after these tokens, unless it is there.
    fn keep(&mut self, tokens: &[u32], state: &[u8]);
}

/// What a batch keeps for the next run: what its requests have in common.
pub(super) struct Prefixes {
    store: Box<dyn PrefixStore>,
    /// The prompt of the first request.
    first: Vec<u32>,
    requests: usize,
    /// Tokens of it that other requests begin with, and those that are kept.
    shared: usize,
    kept: usize,
    looks: usize,
}

impl Prefixes {
    pub(super) fn new(store: Box<dyn PrefixStore>) -> Self {
        Self {
            store,
            first: Vec::new(),
            requests: 0,
            shared: 0,
            kept: 0,
            looks: 0,
        }
    }

    /// Takes note of a request, of whose prompt the caller says how much others
    /// have, too.
    pub(super) fn note(&mut self, prompt: &[u32], shared: usize) {
        self.requests += 1;
        match self.requests {
            1 => {
                self.first = prompt.to_vec();
                self.shared = whole_blocks(shared.min(prompt.len()));
            }
            2 => {
                let both = whole_blocks(common_prefix_len(&self.first, prompt));
                self.shared = self.shared.max(both);
            }
            _ => {}
        }
    }

    /// Looks for the longest kept beginning of a prompt, of which `known` tokens
    /// are at hand already.
    pub(super) fn find(
        &mut self,
        forward: &mut dyn Forward,
        prompt: &[u32],
        known: usize,
    ) -> Option<(SequenceId, Vec<u32>)> {
        if self.looks == MOST_LOOKS || known >= BLOCK {
            return None;
        }
        self.looks += 1;
        // The last token is computed anew, for its logits.
        let most = (prompt.len().saturating_sub(1) / BLOCK).min(MOST_BLOCKS);
        (1..=most).rev().find_map(|blocks| {
            let tokens = &prompt[..blocks * BLOCK];
            let state = self.store.find(tokens)?;
            let sequence = forward.sequences_mut().load(&state)?;
            if forward.sequences().length(sequence) != Some(tokens.len()) {
                forward.sequences_mut().end(sequence);
                return None;
            }
            Some((sequence, tokens.to_vec()))
        })
    }

    /// Keeps what is shared, once a sequence with these tokens holds it.
    pub(super) fn keep(&mut self, forward: &dyn Forward, sequence: SequenceId, tokens: &[u32]) {
        let shared = &self.first[..self.shared];
        if self.kept >= shared.len() || !tokens.starts_with(shared) {
            return;
        }
        if let Some(state) = forward.sequences().save(sequence, shared.len()) {
            self.store.keep(shared, &state);
        }
        self.kept = shared.len();
    }
}

fn whole_blocks(tokens: usize) -> usize {
    tokens / BLOCK * BLOCK
}
