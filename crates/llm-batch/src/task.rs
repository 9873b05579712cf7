//! A request that is ready for the engine.

use std::sync::Arc;
use std::time::Duration;

use llm_engine::generate::{Generate, Grammar};
use llm_engine::sampler;
use llm_kernels::attention::BLOCK;
use llm_record::settings::TopLogprobs;
use llm_record::{ErrorCode, Failed, Job, Sampling, Truncated};

use crate::adapters::Chosen;
use crate::prompt::Prompt;
use crate::{digest, settings};

/// The most labels of a request that are scored at the same time.
const LABELS_TOGETHER: usize = 64;

/// A request that is ready to be answered.
pub struct Task {
    pub(crate) job: Box<Job>,
    pub(crate) prompt: Prompt,
    pub(crate) sampling: Sampling,
    /// The same, as the engine takes it.
    pub(crate) engine_sampling: sampler::Sampling,
    pub(crate) request_digest: String,
    /// The digest that the random draws depend on, where it is another.
    pub(crate) draws_digest: Option<String>,
    /// What is added to the model's weights.
    pub(crate) chosen: Chosen,
    /// The tokens of each label to choose from.
    pub(crate) labels: Vec<Vec<u32>>,
    /// What the answer must look like.
    pub(crate) grammar: Option<Arc<dyn Grammar>>,
    pub(crate) truncated: Option<Truncated>,
    /// Tokens at the beginning of the prompt that do not depend on the text; 0 where nobody
    /// asked.
    pub(crate) shared: usize,
    /// The number of prompt tokens, where they were counted without making the prompt.
    pub(crate) count: Option<usize>,
    /// Time that it took to make the request ready.
    pub(crate) spent: Duration,
}

impl Task {
    /// Makes a task of a request of whose prompt only the length is known.
    pub(crate) fn counted(job: Box<Job>, sampling: Sampling, tokens: usize) -> Self {
        let length = [u32::try_from(tokens).unwrap_or(u32::MAX)];
        Self {
            request_digest: digest::request(&job.source_digest, "", &length, &sampling),
            draws_digest: None,
            job,
            prompt: Prompt::default(),
            engine_sampling: settings::for_engine(&sampling),
            sampling,
            chosen: Chosen::default(),
            labels: Vec::new(),
            grammar: None,
            truncated: None,
            shared: 0,
            count: Some(tokens),
            spent: Duration::ZERO,
        }
    }

    /// Returns how many tokens the prompt has.
    pub(crate) fn tokens(&self) -> usize {
        self.count.unwrap_or(self.prompt.tokens.len())
    }

    /// Returns the record that closes the request as failed.
    pub(crate) fn failed(&self, code: ErrorCode, sentence: impl Into<String>) -> Failed {
        let mut failed = self.job.failed(code, sentence);
        failed.record.request_digest = Some(self.request_digest.clone());
        failed
    }

    /// Returns how many tokens are generated at most. Labels are scored, token by token, and
    /// nothing is generated.
    pub(crate) fn max_tokens(&self) -> usize {
        if self.labels.is_empty() {
            settings::count(self.sampling.max_tokens)
        } else {
            self.labels.iter().map(Vec::len).sum()
        }
    }

    /// Returns the most positions that prompt and answer can take.
    pub(crate) fn positions(&self, context: usize) -> usize {
        let prompt = self.prompt.tokens.len();
        if let Some(longest) = self.labels.iter().map(Vec::len).max() {
            return prompt + longest + BLOCK * self.labels.len().min(LABELS_TOGETHER);
        }
        let most = settings::count(self.sampling.max_tokens);
        most.saturating_add(prompt).min(context)
    }

    /// Returns the request as the engine takes it; of several equal ones it is the
    /// `occurrence`th.
    pub(crate) fn request(&self, occurrence: u64) -> Generate {
        let id = self.job.id.as_ref();
        let digest = self.draws_digest.as_ref().unwrap_or(&self.request_digest);
        let top_logprobs = self.sampling.logprobs.and_then(TopLogprobs::count);
        Generate {
            prompt: self.prompt.tokens.clone(),
            max_tokens: settings::count(self.sampling.max_tokens),
            sampling: self.engine_sampling.clone(),
            key: digest::key(id, digest, occurrence, &self.sampling),
            stop: self.sampling.stop.clone(),
            splitter: self.prompt.splitter.clone(),
            labels: self.labels.clone(),
            grammar: self.grammar.clone(),
            top_logprobs,
            shared: self.shared,
            adapters: self.chosen.applied.clone(),
            stops_repetition: self
                .sampling
                .stop_repetition
                .unwrap_or(self.sampling.greedy),
        }
    }
}
