//! A prompt that leaves its answer no room → the same with less of the text that
//! was asked about (`--on-overflow`). Instruction, system turn, earlier turns and
//! the template stay whole.

use llm_cli::args::{DEFAULT_PREDICT, OnOverflow};
use llm_cli::{Job, TextPlace};
use llm_engine::tokens::Tokenizer;
use llm_record::{ErrorCode, ErrorRecord, Message, Place, Sampling, Truncated};

use crate::prompt::Prompt;

/// Tokens that a cut prompt may have less than there is room for.
const SPARE: usize = 2;

/// Cuts by a straight line through the last one; after so many the interval is
/// halved.
const STRAIGHT: usize = 4;

/// Returns the part to cut, where one is to be cut.
pub(crate) fn place(on_overflow: OnOverflow) -> Option<Place> {
    match on_overflow {
        OnOverflow::Error => None,
        OnOverflow::Head => Some(Place::Head),
        OnOverflow::Tail => Some(Place::Tail),
        OnOverflow::Middle => Some(Place::Middle),
    }
}

/// Returns the tokens that are kept free for the answer: as many as were asked
/// for, or where that was left to the program, a quarter of the context at most.
/// Of labels, `longest` tokens each at most, the longest.
pub(crate) fn room(sampling: &Sampling, longest: Option<usize>, context: usize) -> usize {
    let quarter = context / 4;
    let room = match (longest, sampling.max_tokens) {
        (Some(longest), _) => longest,
        (None, DEFAULT_PREDICT) => quarter.min(usize::try_from(DEFAULT_PREDICT).unwrap_or(quarter)),
        (None, most) => usize::try_from(most).unwrap_or(quarter),
    };
    room.max(1)
}

/// What a prompt is cut to, and how.
pub(crate) struct Cut<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) place: Place,
    /// Tokens that the prompt may have.
    pub(crate) most: usize,
    /// Makes a prompt of a request.
    pub(crate) make: &'a dyn Fn(&Job) -> Result<Prompt, Box<ErrorRecord>>,
}

/// What was cut, and the conversation without it.
pub(crate) struct Cutting {
    pub(crate) truncated: Truncated,
    pub(crate) messages: Vec<Message>,
}

impl Cut<'_> {
    /// Returns the prompt of a request with as much of its text as fits, given
    /// the tokens that the whole prompt has, and what of it is left.
    ///
    /// # Errors
    /// The record of a request that does not fit with any of its text.
    pub(crate) fn make(
        &self,
        job: &Job,
        tokens: usize,
    ) -> Result<(Prompt, Cutting), Box<ErrorRecord>> {
        let text = job.text.as_ref().and_then(|place| {
            let content = job.messages.get(place.message)?.content.as_deref()?;
            Some((place, content, content.get(place.bytes.clone())?))
        });
        let Some((place, content, text)) = text else {
            return Err(self.refusal(job, tokens, "it has no text to cut"));
        };
        let ends = ends(self.tokenizer, text);
        let mut attempt = job.clone();
        let mut best = None;
        // Tokens of the text that fit, and that do not.
        let (mut low, mut high) = (0, ends.len());
        let mut keep = ends.len().saturating_sub(tokens.saturating_sub(self.most));
        for step in 0.. {
            keep = keep.clamp(low + 1, high.max(low + 1));
            if keep >= high {
                keep = low.midpoint(high);
            }
            if keep <= low {
                break;
            }
            let kept = kept(text, &ends, keep, self.place);
            put(&mut attempt, place, content, &kept);
            let prompt = (self.make)(&attempt)?;
            let found = prompt.tokens.len();
            let next = match found <= self.most {
                true => {
                    low = keep;
                    let spare = self.most - found;
                    best = Some((prompt, kept));
                    if spare <= SPARE {
                        break;
                    }
                    keep + spare
                }
                false => {
                    high = keep;
                    keep.saturating_sub(found - self.most)
                }
            };
            keep = match step < STRAIGHT {
                true => next,
                false => low.midpoint(high),
            };
        }
        let Some((prompt, kept)) = best else {
            return Err(self.refusal(job, tokens, "none of its text fits"));
        };
        let truncated = Truncated {
            tokens: tokens.saturating_sub(prompt.tokens.len()) as u64,
            place: self.place,
        };
        put(&mut attempt, place, content, &kept);
        let messages = attempt.messages;
        Ok((
            prompt,
            Cutting {
                truncated,
                messages,
            },
        ))
    }

    fn refusal(&self, job: &Job, tokens: usize, reason: &str) -> Box<ErrorRecord> {
        let sentence = format!(
            "the prompt has {tokens} tokens, and beside its answer the context has room for {}; {reason}; shorten \
             the rest, lower -n, or raise --ctx-size if it is set",
            self.most
        );
        Box::new(job.failed(ErrorCode::ContextExceeded, sentence))
    }
}

/// Puts another text in the place of a request's own.
fn put(job: &mut Job, place: &TextPlace, content: &str, text: &str) {
    let (before, after) = (&content[..place.bytes.start], &content[place.bytes.end..]);
    if let Some(message) = job.messages.get_mut(place.message) {
        message.content = Some(format!("{before}{text}{after}"));
    }
}

/// Returns where each token of a text ends, in bytes, at the character before
/// where it ends within one.
fn ends(tokenizer: &Tokenizer, text: &str) -> Vec<usize> {
    let tokens = tokenizer.encode(text, false, false);
    let mut at = 0;
    let mut ends: Vec<usize> = tokens
        .iter()
        .map(|&token| {
            at += tokenizer.token_bytes(token).len();
            at
        })
        .collect();
    match at.checked_sub(text.len()) {
        Some(0) => {}
        // The space that some vocabularies put before a text.
        Some(1) => ends.iter_mut().for_each(|end| *end -= 1),
        // Normalized, or not in the vocabulary: what follows corrects the guess.
        _ => {
            for (index, end) in ends.iter_mut().enumerate() {
                *end = text.len() * (index + 1) / tokens.len();
            }
        }
    }
    for end in &mut ends {
        *end = text.floor_char_boundary(*end);
    }
    ends
}

/// Returns a text without the part named, with `keep` of its tokens, at least
/// one and not all.
fn kept(text: &str, ends: &[usize], keep: usize, place: Place) -> String {
    let front = match place {
        Place::Head => 0,
        Place::Middle => keep.div_ceil(2),
        Place::Tail => keep,
    };
    let end = |count: usize| count.checked_sub(1).map_or(0, |last| ends[last]);
    let back = end(ends.len() - (keep - front));
    format!("{}{}", &text[..end(front)], &text[back..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_named_is_gone() {
        let ends = [2, 4, 6, 8, 10];
        let kept = |keep, place| kept("aabbccddee", &ends, keep, place);
        assert_eq!(kept(2, Place::Head), "ddee");
        assert_eq!(kept(2, Place::Tail), "aabb");
        assert_eq!(kept(2, Place::Middle), "aaee");
        assert_eq!(kept(3, Place::Middle), "aabbee");
        assert_eq!(kept(1, Place::Middle), "aa");
    }

    #[test]
    fn the_answers_room_is_what_was_asked_for_or_a_quarter() {
        let asked = |max_tokens| Sampling {
            max_tokens,
            ..Sampling::default()
        };
        assert_eq!(room(&asked(DEFAULT_PREDICT), None, 2048), 512);
        assert_eq!(room(&asked(DEFAULT_PREDICT), None, 8192), 1024);
        assert_eq!(room(&asked(-1), None, 8192), 2048);
        assert_eq!(room(&asked(2000), None, 2048), 2000);
        assert_eq!(room(&asked(0), None, 2048), 1);
        assert_eq!(room(&asked(2000), Some(3), 2048), 3);
    }
}
