//! Settings that are about tokens → the tokens, by a model's tokenizer.

use std::cell::RefCell;
use std::sync::Arc;

use llm_engine::sampler::{self, Breakers};
use llm_record::Sampling;
use llm_record::settings::BiasedToken;
use llm_tokenizer::Tokenizer;

use crate::settings;

/// The texts that ended repetitions in the last request, with their tokens: finding these takes a look at
/// each token of the vocabulary, and requests mostly have the same.
type Known = Option<(Vec<String>, Arc<Breakers>)>;

/// Makes the settings of requests ready for the engine.
pub(crate) struct Biases<'t> {
    tokenizer: &'t Tokenizer,
    breakers: RefCell<Known>,
}

impl<'t> Biases<'t> {
    pub(crate) fn new(tokenizer: &'t Tokenizer) -> Self {
        Self {
            tokenizer,
            breakers: RefCell::new(None),
        }
    }

    /// Returns a record's settings as the engine takes them.
    ///
    /// # Errors
    /// A sentence on a token that the model does not have.
    pub(crate) fn for_engine(&self, settings: &Sampling) -> Result<sampler::Sampling, String> {
        let mut sampling = settings::for_engine(settings);
        if sampling.dry.multiplier != 0.0 {
            sampling.dry.breakers = self.breakers(settings.dry_sequence_breakers.as_deref());
        }
        sampling.logit_bias = self.logit_bias(settings)?;
        sampling.suppress_tokens = self.known(settings.suppress_tokens.as_deref())?;
        sampling.begin_suppress_tokens = self.known(settings.begin_suppress_tokens.as_deref())?;
        Ok(sampling)
    }

    /// Returns each token with what is added to its logit; a text counts with all its tokens.
    fn logit_bias(&self, settings: &Sampling) -> Result<Vec<(u32, f32)>, String> {
        let mut biases = Vec::new();
        for (token, bias) in settings.logit_bias.iter().flat_map(|biases| &biases.0) {
            match token {
                BiasedToken::Id(id) => biases.push((self.checked(*id)?, bias.number())),
                BiasedToken::Text(text) => {
                    let ids = self.tokenizer.encode(text, false, false);
                    biases.extend(ids.into_iter().map(|id| (id, bias.number())));
                }
            }
        }
        if settings.ignore_eos == Some(true) {
            let ends = self.tokenizer.eog_ids().iter();
            biases.extend(ends.map(|&id| (id, f32::NEG_INFINITY)));
        }
        Ok(biases)
    }

    fn known(&self, ids: Option<&[u32]>) -> Result<Vec<u32>, String> {
        let ids = ids.unwrap_or_default().iter();
        ids.map(|id| self.checked(*id)).collect()
    }

    fn checked(&self, id: u32) -> Result<u32, String> {
        let size = self.tokenizer.vocabulary_size();
        if (id as usize) < size {
            return Ok(id);
        }
        Err(format!(
            "the model has no token {id}: its ids go from 0 to {}",
            size.saturating_sub(1)
        ))
    }

    fn breakers(&self, texts: Option<&[String]>) -> Option<Arc<Breakers>> {
        let texts = match texts {
            Some([]) => return None,
            Some(texts) => texts.to_vec(),
            None => Breakers::USUAL.map(str::to_owned).to_vec(),
        };
        let mut known = self.breakers.borrow_mut();
        if let Some((_, breakers)) = known.as_ref().filter(|(of, _)| *of == texts) {
            return Some(Arc::clone(breakers));
        }
        let breakers = Arc::new(Breakers::new(self.tokenizer, &texts));
        *known = Some((texts, Arc::clone(&breakers)));
        Some(breakers)
    }
}
