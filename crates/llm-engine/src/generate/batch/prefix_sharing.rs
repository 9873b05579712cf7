//! What requests share: a prompt begins on a fork of the sequence that has the most in common with
//! it, of a request under way or lately finished; one that could share more with a prompt being
//! filled waits for it (prefix sharing as in `SGLang`'s `RadixAttention`, Zheng et al. 2023,
//! arXiv:2312.07104, over a list instead of a tree).

use llm_kernels::attention::BLOCK;

use super::Batch;
use crate::cache::SequenceId;
use crate::generate::Generate;
use crate::generate::slot::Slot;
use crate::lora::Applied;
use llm_tokenizer::common_prefix_len;

/// Finished sequences that are kept for requests that begin alike.
const KEPT: usize = 4;

/// What a prompt being filled must offer beyond what is there already for a
/// request to wait for it.
const WORTH_WAITING: usize = BLOCK / 2;

/// A sequence that no request uses any more.
pub(super) struct Kept {
    sequence: SequenceId,
    tokens: Vec<u32>,
    /// What its keys and values were made with.
    adapters: Vec<Applied>,
}

/// What a sequence and a prompt have in common.
#[derive(Clone, Copy)]
struct Prefix {
    sequence: SequenceId,
    common: usize,
    /// What a fork has of that: where layers keep a state, it may be less.
    reach: usize,
}

impl Prefix {
    /// Returns the length to fork at. One beyond the reach costs a copy of the
    /// state on the way, so that the next request gets what this one misses.
    fn length(&self) -> usize {
        if self.common >= self.reach + WORTH_WAITING {
            self.common
        } else {
            self.reach
        }
    }
}

impl<'t> Batch<'t> {
    /// Returns the positions of sequences that no request uses.
    pub fn kept_positions(&self) -> usize {
        let lengths = self.kept.iter().map(|kept| kept.tokens.len());
        lengths.map(|length| length.next_multiple_of(BLOCK)).sum()
    }

    /// Returns how many sequences no request uses.
    pub fn kept_sequences(&self) -> usize {
        self.kept.len()
    }

    /// Gives back the memory of sequences that no request uses.
    pub fn forget(&mut self) {
        for kept in self.kept.drain(..) {
            self.forward.sequences_mut().end(kept.sequence);
        }
    }

    /// Gives a sequence to each waiting request that nothing is gained for by
    /// waiting on.
    pub(super) fn begin_waiting(&mut self) {
        for index in 0..self.slots.len() {
            if self.slots[index].sequence.is_some() {
                continue;
            }
            self.find_prefix(index);
            let request = &self.slots[index].request;
            let best = self.best_prefix(request);
            let shared = best.map_or(0, |prefix| prefix.reach);
            if let Some((sequence, coming)) = self.coming_prefix(request)
                && coming >= shared + WORTH_WAITING
            {
                self.forward
                    .sequences_mut()
                    .request_checkpoint(sequence, coming);
                continue;
            }
            let fork = best.and_then(|prefix| {
                self.forward
                    .sequences_mut()
                    .fork(prefix.sequence, prefix.length())
            });
            let (sequence, cached) =
                fork.unwrap_or_else(|| (self.forward.sequences_mut().start(), 0));
            self.slots[index].begin(sequence, cached);
        }
    }

    /// Returns the sequence of which a fork saves the most of a prompt, if one
    /// saves anything.
    fn best_prefix(&self, request: &Generate) -> Option<Prefix> {
        let (prompt, adapters) = (&request.prompt, &request.adapters);
        let slots = self.slots.iter();
        let slots = slots.filter(|slot| slot.request.adapters == *adapters);
        let filled = slots.filter_map(|slot| {
            let tokens = &slot.history[..slot.filled];
            slot.sequence.map(|sequence| (sequence, tokens))
        });
        let kept = self.kept.iter();
        let kept = kept.filter(|kept| kept.adapters == *adapters);
        let kept = kept.map(|kept| (kept.sequence, &kept.tokens[..]));
        let prefix = |(sequence, tokens)| {
            let common = sharable(tokens, prompt);
            let reach = self
                .forward
                .sequences()
                .forkable_len(sequence, common)
                .unwrap_or(0);
            Prefix {
                sequence,
                common,
                reach,
            }
        };
        let best = kept
            .chain(filled)
            .map(prefix)
            .max_by_key(|prefix| (prefix.reach, prefix.common));
        best.filter(|prefix| prefix.length() > 0)
    }

    /// Returns the sequence that is about to hold the most of a prompt, beyond
    /// what it holds already, and how many positions.
    fn coming_prefix(&self, request: &Generate) -> Option<(SequenceId, usize)> {
        let slots = self.slots.iter();
        let slots = slots.filter(|slot| slot.request.adapters == request.adapters);
        let coming = slots.filter_map(|slot| {
            let common = sharable(&slot.request.prompt, &request.prompt);
            let sequence = slot.sequence.filter(|_| common > slot.filled)?;
            Some((sequence, common))
        });
        coming.max_by_key(|(_, common)| *common)
    }

    /// Looks in the store for the beginning of a prompt that nothing at hand
    /// shares.
    fn find_prefix(&mut self, index: usize) {
        let Some(mut prefixes) = self.prefixes.take() else {
            return;
        };
        let request = &self.slots[index].request;
        // What is kept on disk is the model's own.
        if request.adapters.is_empty() {
            let known = self.best_prefix(request).map_or(0, |prefix| prefix.reach);
            let found = prefixes.find(self.forward.as_mut(), &request.prompt, known);
            if let Some((sequence, tokens)) = found {
                self.keep_sequence(Kept {
                    sequence,
                    tokens,
                    adapters: Vec::new(),
                });
            }
        }
        self.prefixes = Some(prefixes);
    }

    /// Keeps in the store what requests have in common.
    pub(super) fn keep_prefix(&mut self) {
        if let Some(prefixes) = &mut self.prefixes {
            let slots = self.slots.iter();
            for slot in slots.filter(|slot| slot.request.adapters.is_empty()) {
                if let Some(sequence) = slot.sequence {
                    let tokens = &slot.history[..slot.filled];
                    prefixes.keep(self.forward.as_ref(), sequence, tokens);
                }
            }
        }
    }

    /// Keeps the sequence of a request that has ended, for a while.
    pub(super) fn keep(&mut self, slot: Slot<'t>) {
        let Some(sequence) = slot.sequence else {
            return;
        };
        let mut tokens = slot.history;
        tokens.truncate(slot.filled);
        self.keep_sequence(Kept {
            sequence,
            tokens,
            adapters: slot.request.adapters,
        });
    }

    fn keep_sequence(&mut self, kept: Kept) {
        self.kept.push_front(kept);
        if self.kept.len() > KEPT
            && let Some(oldest) = self.kept.pop_back()
        {
            self.forward.sequences_mut().end(oldest.sequence);
        }
    }
}

/// Returns how many tokens of a prompt need not be computed where others are
/// there: not the last one, whose logits are wanted.
fn sharable(tokens: &[u32], prompt: &[u32]) -> usize {
    common_prefix_len(tokens, prompt).min(prompt.len().saturating_sub(1))
}
