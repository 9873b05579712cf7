//! Text to ids, by whichever model: as a whole or as they come, and as long as
//! they are wanted.

use std::ops::Range;

use super::flow::Flow;
use super::special::{Foreign, Fragment, Markup};
use super::{Model, Tokenizer};
use crate::cancel::{Cancellation, Cancelled};

/// A prompt that a chat template has rendered, or a part of what is to be one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marked<'r> {
    /// The text, markup included.
    pub text: &'r str,
    /// Stretches of it that came from outside: byte ranges in order and apart.
    /// Markup is made of what stands wholly outside of them, so that nothing in
    /// them, alone or together with what stands beside them, can pose as a turn
    /// of its own. All else is as if they were not marked: words may reach across
    /// their ends.
    pub foreign: &'r [Range<usize>],
    /// User-defined tokens, ascending, that are the template's marks of turns or
    /// channels, and so no more made of what came from outside than markup is.
    pub marks: &'r [u32],
}

/// Where in a sequence a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At its beginning.
    Beginning,
    /// After other text.
    Within,
}

impl Tokenizer {
    /// Returns the ids of `text`.
    ///
    /// `add_special` puts BOS before and EOS after it where the model wants
    /// them. `parse_special` turns markup in the text (`<|im_start|>`) into
    /// the tokens it names; without it, markup is text like any other, which
    /// is what text from outside should be.
    pub fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32> {
        let never = Cancellation::default();
        let ids = self.encode_within(text, add_special, parse_special, &never);
        ids.unwrap_or_default()
    }

    /// Does the same, as long as it is wanted.
    ///
    /// # Errors
    /// Why it is not.
    pub fn encode_within(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
        cancellation: &Cancellation,
    ) -> Result<Vec<u32>, Cancelled> {
        let flow = Flow::new(text.len(), cancellation, None);
        self.encode_into(text, add_special, parse_special, flow)
    }

    /// Returns the ids of a text that continues another one: nothing stands before
    /// it, and what looks like markup is text.
    pub fn encode_continuation(&self, text: &str) -> Vec<u32> {
        let never = Cancellation::default();
        let mut flow = Flow::new(text.len(), &never, None);
        self.encode_text(text, Markup::Nowhere, Start::Within, &mut flow);
        flow.finish().unwrap_or_default()
    }

    /// Hands the same ids to `take`, some thousand at a time, so that a long text
    /// takes no memory for them.
    ///
    /// # Errors
    /// Why they are not wanted any more.
    pub fn encode_each(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
        cancellation: &Cancellation,
        take: &mut dyn FnMut(&[u32]),
    ) -> Result<(), Cancelled> {
        let flow = Flow::new(text.len(), cancellation, Some(take));
        let kept = self.encode_into(text, add_special, parse_special, flow);
        kept.map(|_| ())
    }

    /// Returns the ids of a whole prompt that a chat template has rendered,
    /// markup included. BOS stands before it once where the model wants it,
    /// whether or not the template has written it as well; EOS is not added,
    /// since the answer follows.
    pub fn encode_prompt(&self, rendered: &str) -> Vec<u32> {
        self.encode_prompt_around(rendered, &[])
    }

    /// The same for a prompt of which some stretches came from outside, see
    /// [`Marked::foreign`].
    pub fn encode_prompt_around(&self, rendered: &str, foreign: &[Range<usize>]) -> Vec<u32> {
        self.encode_prompt_with_marks(rendered, foreign, &[])
    }

    /// The same where some user-defined tokens are marks, see [`Marked::marks`].
    pub fn encode_prompt_with_marks(
        &self,
        rendered: &str,
        foreign: &[Range<usize>],
        marks: &[u32],
    ) -> Vec<u32> {
        let marked = Marked {
            text: rendered,
            foreign,
            marks,
        };
        let ids = self.encode_prompt_within(marked, &Cancellation::default());
        ids.unwrap_or_default()
    }

    /// Does the same, as long as it is wanted.
    ///
    /// # Errors
    /// Why it is not.
    pub fn encode_prompt_within(
        &self,
        prompt: Marked<'_>,
        cancellation: &Cancellation,
    ) -> Result<Vec<u32>, Cancelled> {
        let flow = Flow::new(prompt.text.len(), cancellation, None);
        self.encode_marked(prompt, flow)
    }

    /// Hands the same ids to `take`, as [`Tokenizer::encode_each`] does.
    ///
    /// # Errors
    /// Why they are not wanted any more.
    pub fn encode_prompt_each(
        &self,
        prompt: Marked<'_>,
        cancellation: &Cancellation,
        take: &mut dyn FnMut(&[u32]),
    ) -> Result<(), Cancelled> {
        let flow = Flow::new(prompt.text.len(), cancellation, Some(take));
        self.encode_marked(prompt, flow).map(|_| ())
    }

    fn encode_into(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
        mut flow: Flow<'_>,
    ) -> Result<Vec<u32>, Cancelled> {
        let markup = if parse_special {
            Markup::Outside(Foreign::default())
        } else {
            Markup::Nowhere
        };
        flow.ids.extend(self.prefix.filter(|_| add_special));
        self.encode_text(text, markup, Start::Beginning, &mut flow);
        flow.ids.extend(self.suffix.filter(|_| add_special));
        flow.finish()
    }

    fn encode_marked(&self, prompt: Marked<'_>, mut flow: Flow<'_>) -> Result<Vec<u32>, Cancelled> {
        let Marked {
            text,
            foreign: stretches,
            marks,
        } = prompt;
        let bos_text = self.bos_text();
        let has_bos = !bos_text.is_empty()
            && text.starts_with(&bos_text)
            && stretches
                .iter()
                .all(|range| range.start >= bos_text.len() || range.is_empty());
        flow.ids.extend(self.prefix.filter(|_| !has_bos));
        let markup = Markup::Outside(Foreign { stretches, marks });
        self.encode_text(text, markup, Start::Beginning, &mut flow);
        flow.finish()
    }

    fn encode_text(&self, text: &str, markup: Markup, start: Start, flow: &mut Flow) {
        // As in llama.cpp, a user-defined token counts as markup here.
        let mut is_first = start == Start::Beginning;
        let mut after_markup = is_first;
        let vocabulary = &self.vocabulary;
        self.specials
            .cut(vocabulary, text, markup, &mut |fragment| {
                match (&fragment, &self.model) {
                    (Fragment::Token(id), _) => flow.ids.push(*id),
                    (Fragment::Text(text), Model::Bpe(pairs)) => {
                        pairs.encode(vocabulary, text, flow);
                    }
                    (Fragment::Text(text), Model::Spm(pieces)) => {
                        let prefix = self
                            .space_prefix
                            .filter(|_| after_markup)
                            .is_some_and(|prefix| prefix.is_before(text, is_first));
                        pieces.encode(vocabulary, text, prefix, flow);
                    }
                    (Fragment::Text(text), Model::WordPiece(pieces)) => {
                        pieces.encode(vocabulary, text, flow);
                    }
                    (Fragment::Text(text), Model::Unigram(pieces)) => {
                        pieces.encode(vocabulary, text, flow);
                    }
                    (Fragment::Text(text), Model::HuggingFace(tables)) => {
                        tables.encode(text, is_first, flow);
                    }
                }
                after_markup = matches!(fragment, Fragment::Token(_));
                is_first = false;
                flow.go_on()
            });
    }
}
