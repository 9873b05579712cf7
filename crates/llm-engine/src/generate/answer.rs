//! One answer as it grows: tokens in, what is certain of the text out, told
//! apart from reasoning and cut at stop texts.

use super::stop::StopStrings;
use super::{Event, Generate};
use llm_prompt::reasoning::{Ahead, Piece, Splitter};
use llm_tokenizer::{Decoder, Tokenizer};

/// What one answer hands its text to.
pub(super) type Tell<'w> = &'w mut dyn FnMut(Event<'_>);

/// The text of one answer, so far.
pub(super) struct Answer<'t> {
    tokenizer: &'t Tokenizer,
    decoder: Decoder<'t>,
    splitter: Splitter,
    text: StopStrings,
    reasoning: String,
    reasoning_tokens: usize,
    /// Of each token, whether it is reasoning.
    reasoned: Vec<bool>,
    /// Whether the last token began inside of reasoning.
    was_reasoning: bool,
    /// Tokens of what may turn out to be reasoning, and how often it has.
    doubtful_tokens: usize,
    settled: usize,
}

/// An answer that has ended.
#[derive(Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) reasoning_tokens: usize,
    /// Of each token, whether it is reasoning.
    pub(super) reasoned: Vec<bool>,
    /// A stop text has ended it.
    pub(super) is_stopped: bool,
}

impl<'t> Answer<'t> {
    pub(super) fn new(tokenizer: &'t Tokenizer, request: &Generate) -> Self {
        Self {
            tokenizer,
            decoder: tokenizer.continuation_decoder(),
            was_reasoning: request.splitter.is_reasoning(),
            splitter: request.splitter.clone(),
            text: StopStrings::new(request.stop.clone()),
            reasoning: String::new(),
            reasoning_tokens: 0,
            reasoned: Vec::new(),
            doubtful_tokens: 0,
            settled: 0,
        }
    }

    /// Takes the next token, hands out what is certain and returns whether a
    /// stop text is complete.
    pub(super) fn push(&mut self, token: u32, tell: Tell<'_>) -> bool {
        let pieces = if self.tokenizer.is_markup(token) {
            let bytes = self.tokenizer.token_bytes(token);
            self.splitter.push(&String::from_utf8_lossy(&bytes), true)
        } else {
            self.splitter.push(self.decoder.push(token), false)
        };
        let stopped = self.hand_out(pieces, tell);
        self.count();
        stopped
    }

    /// Returns what may come next.
    pub(super) fn ahead(&self) -> Ahead<'_> {
        self.splitter.ahead()
    }

    /// Takes the next token, which belongs to the answer whatever it looks like, as
    /// [`push`](Self::push) does.
    pub(super) fn push_answer(&mut self, token: u32, tell: Tell<'_>) -> bool {
        let mut pieces = self.splitter.settle();
        if !self.tokenizer.is_markup(token) {
            pieces.push(Piece::Answer(self.decoder.push(token).to_owned()));
        }
        self.was_reasoning = false;
        self.reasoned.push(false);
        self.hand_out(pieces, tell)
    }

    /// Ends the answer and hands out the rest. A character that a limit has cut
    /// is left out; one that the model has left unfinished is shown as broken.
    pub(super) fn finish(mut self, is_cut: bool, tell: Tell<'_>) -> Text {
        let mut is_stopped = false;
        if !is_cut {
            let pieces = self.splitter.push(self.decoder.finish(), false);
            is_stopped = self.hand_out(pieces, tell);
        }
        let pieces = self.splitter.finish();
        is_stopped |= self.hand_out(pieces, tell);
        tell_text(self.text.take_rest(), tell);
        Text {
            text: self.text.into_text(),
            reasoning: self.reasoning,
            reasoning_tokens: self.reasoning_tokens,
            reasoned: self.reasoned,
            is_stopped,
        }
    }

    /// Counts the last token.
    fn count(&mut self) {
        let is_reasoning = self.splitter.is_reasoning();
        let settled = std::mem::replace(&mut self.settled, self.splitter.settled());
        let is_settled = self.settled > settled;
        if is_settled {
            self.reasoning_tokens += self.doubtful_tokens;
            let first = self.reasoned.len() - self.doubtful_tokens;
            self.reasoned[first..].fill(true);
        }
        self.doubtful_tokens = if self.splitter.is_doubtful() {
            self.doubtful_tokens + 1
        } else {
            0
        };
        let counts = self.was_reasoning || is_reasoning || is_settled;
        self.reasoning_tokens += usize::from(counts);
        self.reasoned.push(counts);
        self.was_reasoning = is_reasoning;
    }

    fn hand_out(&mut self, pieces: Vec<Piece>, tell: Tell<'_>) -> bool {
        let mut stopped = false;
        for piece in pieces {
            match piece {
                Piece::Answer(text) => {
                    stopped |= self.text.push(&text);
                    tell_text(self.text.take_certain(), tell);
                }
                Piece::Reasoning(text) => {
                    self.reasoning.push_str(&text);
                    tell(Event::Reasoning(&text));
                }
                Piece::Markup(text) => {
                    // No stop text goes beyond a control token.
                    tell_text(self.text.take_rest(), tell);
                    tell(Event::Markup(&text));
                }
            }
        }
        stopped
    }
}

fn tell_text(text: &str, tell: Tell<'_>) {
    if !text.is_empty() {
        tell(Event::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use llm_gguf::{Gguf, shard_paths};
    use llm_prompt::reasoning::Markers;

    use super::*;

    #[test]
    fn tokens_of_reasoning_are_told_apart_from_those_of_the_answer() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let gguf = Gguf::open(&shard_paths(
            &models.join("ggml-vocab/ggml-vocab-qwen2.gguf"),
        ));
        let tokenizer = Tokenizer::from_gguf(gguf.unwrap().metadata()).unwrap();
        for (prompt, written, answer) in [
            (
                "user: hi",
                "Yes, <think is no marker.",
                "Yes, <think is no marker.",
            ),
            ("user: hi", "<think>Hm, no.</think>\n\nyes", "yes"),
            (
                "user: hi <think>\n",
                "Hm.\n</think>\n\nyes, of course",
                "yes, of course",
            ),
            ("user: hi", "<think>Hm.", ""),
        ] {
            let request = Generate {
                splitter: Splitter::new(Markers::find("<think></think>"), prompt),
                ..Generate::greedy(vec![0], 1)
            };
            let mut taken = Answer::new(&tokenizer, &request);
            let tokens = tokenizer.encode(written, false, true);
            for &token in &tokens {
                taken.push(token, &mut |_| {});
            }
            let text = taken.finish(false, &mut |_| {});
            assert_eq!(text.text, answer, "{written}");
            assert_eq!(text.reasoned.len(), tokens.len());
            let reasoned = text.reasoned.iter().filter(|is_reasoning| **is_reasoning);
            assert_eq!(reasoned.count(), text.reasoning_tokens, "{written}");
            let told = tokens.iter().zip(&text.reasoned);
            let told = told.filter(|(_, is_reasoning)| !**is_reasoning);
            let told: Vec<u8> = told
                .flat_map(|(&token, _)| tokenizer.token_bytes(token))
                .collect();
            let told = String::from_utf8(told).unwrap();
            assert!(told.ends_with(answer), "{told:?} for {written}");
        }
    }
}
