//! A prompt that leaves its answer no room → the same with less of the text that
//! was asked about (`--on-overflow`). Instruction, system turn, earlier turns and
//! the template stay whole.

use std::collections::VecDeque;

use llm_record::{ErrorCode, Failed, Job, Message, Place, Sampling, TextPlace, Truncated};
use llm_tokenizer::Tokenizer;
use llm_tokenizer::cancel::{Cancellation, Cancelled};

use crate::prompt::Prompt;
use crate::prompt_length::{Obstacle, without_text};

/// A cut prompt may have this many tokens fewer than there is room for.
const SPARE: usize = 2;

/// Cuts that are found by linear interpolation; after so many the interval is halved
/// instead.
const STRAIGHT: usize = 4;

/// Returns how many tokens are kept free for the answer: as many as were asked for, but at
/// most a quarter of the context where the limit is `default_max_tokens`, which nobody asked
/// for. Where labels are scored, it is the length of the `longest`.
pub(crate) fn room(
    sampling: &Sampling,
    longest: Option<usize>,
    context: usize,
    default_max_tokens: i64,
) -> usize {
    let quarter = context / 4;
    let asked = usize::try_from(sampling.max_tokens).unwrap_or(quarter);
    let room = match longest {
        Some(longest) => longest,
        None if sampling.max_tokens == default_max_tokens => quarter.min(asked),
        None => asked,
    };
    room.max(1)
}

/// What a prompt is cut to, and how.
pub(crate) struct Cut<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) place: Place,
    /// Tokens that the prompt may have.
    pub(crate) most: usize,
    /// Makes the prompt of a request.
    pub(crate) make: &'a dyn Fn(&Job) -> Result<Prompt, Failed>,
    pub(crate) cancellation: &'a Cancellation,
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
    pub(crate) fn make(&self, job: &Job, tokens: usize) -> Result<(Prompt, Cutting), Obstacle> {
        let text = job.text.as_ref().and_then(|place| {
            let content = job.messages.get(place.message)?.content.as_deref()?;
            Some((place, content, content.get(place.bytes.clone())?))
        });
        let Some((place, content, text)) = text else {
            return Err(self.refusal(job, tokens, "it has no text to cut"));
        };
        // Of a text twice as long as what fits, no more than that is looked at.
        let ends = Ends::find(
            self.tokenizer,
            text,
            2 * self.most + ENDS,
            self.cancellation,
        )?;
        let mut attempt = without_text(job, place.message);
        let mut best = None;
        // Tokens of the text that fit, and that do not.
        let (mut low, mut high) = (0, ends.count.min(ends.most));
        let mut keep = ends.count.saturating_sub(tokens.saturating_sub(self.most));
        for step in 0.. {
            keep = keep.clamp(low + 1, high.max(low + 1));
            if keep >= high {
                keep = low.midpoint(high);
            }
            if keep <= low {
                break;
            }
            self.cancellation.check()?;
            let kept = kept(text, &ends, keep, self.place);
            put(&mut attempt, place, content, &kept);
            let prompt = (self.make)(&attempt).map_err(Obstacle::Refused)?;
            let found = prompt.tokens.len();
            let next = if found <= self.most {
                low = keep;
                let spare = self.most - found;
                best = Some((prompt, kept));
                if spare <= SPARE {
                    break;
                }
                keep + spare
            } else {
                high = keep;
                keep.saturating_sub(found - self.most)
            };
            keep = if step < STRAIGHT {
                next
            } else {
                low.midpoint(high)
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

    fn refusal(&self, job: &Job, tokens: usize, reason: &str) -> Obstacle {
        let sentence = format!(
            "the prompt has {tokens} tokens, and beside its answer the context has room for {}; {reason}; shorten \
             the rest, lower -n, or raise --ctx-size if it is set",
            self.most
        );
        Obstacle::Refused(job.failed(ErrorCode::ContextExceeded, sentence))
    }
}

/// Puts another text in the place of a request's own.
fn put(job: &mut Job, place: &TextPlace, content: &str, text: &str) {
    let (before, after) = (&content[..place.bytes.start], &content[place.bytes.end..]);
    if let Some(message) = job.messages.get_mut(place.message) {
        message.content = Some(format!("{before}{text}{after}"));
    }
}

/// Tokens near each end of a text whose ends are known, in addition to twice as many as
/// fit.
const ENDS: usize = 64;

/// Where the tokens of a text end, in bytes: all of them, or those near its
/// beginning and its end.
struct Ends {
    /// Tokens of the text.
    count: usize,
    /// Ends that are known from either side.
    most: usize,
    first: Vec<usize>,
    last: VecDeque<usize>,
    /// Bytes of all tokens.
    bytes: usize,
}

impl Ends {
    /// Looks at the tokens of `text`, of which no more than `most` are to be kept.
    fn find(
        tokenizer: &Tokenizer,
        text: &str,
        most: usize,
        cancellation: &Cancellation,
    ) -> Result<Self, Cancelled> {
        let mut ends = Self {
            count: 0,
            most,
            first: Vec::new(),
            last: VecDeque::new(),
            bytes: 0,
        };
        let mut bytes = Vec::new();
        tokenizer.encode_each(text, false, false, cancellation, &mut |ids| {
            for &id in ids {
                bytes.clear();
                tokenizer.add_token_bytes(id, &mut bytes);
                ends.add(bytes.len());
            }
        })?;
        Ok(ends)
    }

    fn add(&mut self, length: usize) {
        self.count += 1;
        self.bytes += length;
        if self.first.len() < self.most {
            self.first.push(self.bytes);
        }
        if self.last.len() == self.most {
            self.last.pop_front();
        }
        self.last.push_back(self.bytes);
    }

    /// Returns where the first `count` tokens of `text` end, at the character before
    /// where they end within one.
    fn after(&self, text: &str, count: usize) -> usize {
        let Some(index) = count.checked_sub(1) else {
            return 0;
        };
        let in_last = (index + self.last.len()).checked_sub(self.count);
        let known = self
            .first
            .get(index)
            .or_else(|| self.last.get(in_last?))
            .copied();
        let end = match (known, self.bytes.checked_sub(text.len())) {
            (Some(end), Some(0)) => end,
            // The space that some vocabularies put before a text.
            (Some(end), Some(1)) => end - 1,
            // Normalized, or not in the vocabulary: what follows corrects the guess.
            _ => (text.len() as u128 * count as u128 / self.count as u128) as usize,
        };
        text.floor_char_boundary(end)
    }
}

/// Returns a text with `keep` of its tokens, at least one and not all; the rest is cut at
/// `place`.
fn kept(text: &str, ends: &Ends, keep: usize, place: Place) -> String {
    let front = match place {
        Place::Head => 0,
        Place::Middle => keep.div_ceil(2),
        Place::Tail => keep,
    };
    let back = ends.after(text, ends.count - (keep - front));
    format!("{}{}", &text[..ends.after(text, front)], &text[back..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_named_is_gone() {
        for most in [10, 3] {
            let ends = ends_of(&[2; 5], most);
            let kept = |keep, place| kept("aabbccddee", &ends, keep, place);
            assert_eq!(kept(2, Place::Head), "ddee");
            assert_eq!(kept(2, Place::Tail), "aabb");
            assert_eq!(kept(2, Place::Middle), "aaee");
            assert_eq!(kept(3, Place::Middle), "aabbee");
            assert_eq!(kept(1, Place::Middle), "aa");
        }
    }

    fn ends_of(lengths: &[usize], most: usize) -> Ends {
        let mut ends = Ends {
            count: 0,
            most,
            first: Vec::new(),
            last: VecDeque::new(),
            bytes: 0,
        };
        lengths.iter().for_each(|length| ends.add(*length));
        ends
    }

    #[test]
    fn where_tokens_end_is_known_near_both_ends() {
        let text = "abcdefghijkl";
        let lengths = [1, 2, 1, 2, 1, 2, 1, 2];
        let all = ends_of(&lengths, 100);
        let some = ends_of(&lengths, 3);
        for count in [0, 1, 2, 3, 6, 7, 8] {
            assert_eq!(all.after(text, count), some.after(text, count), "{count}");
        }
        // A space before the text, and characters that are not split.
        let ends = ends_of(&[2, 2, 3], 9);
        assert_eq!(
            [1, 2, 3].map(|count| ends.after("abcdef", count)),
            [1, 3, 6]
        );
        assert_eq!([1, 2, 3].map(|count| ends.after("ä一", count)), [0, 2, 5]);
        // What has other bytes than its tokens is cut by the rule of three.
        assert_eq!(ends_of(&[1, 1], 9).after("abcdef", 1), 3);
    }

    #[test]
    fn the_answers_room_is_what_was_asked_for_or_a_quarter() {
        let asked = |max_tokens| Sampling {
            max_tokens,
            ..Sampling::default()
        };
        let room = |sampling: &Sampling, longest, context| room(sampling, longest, context, 1024);
        assert_eq!(room(&asked(1024), None, 2048), 512);
        assert_eq!(room(&asked(1024), None, 8192), 1024);
        assert_eq!(room(&asked(-1), None, 8192), 2048);
        assert_eq!(room(&asked(2000), None, 2048), 2000);
        assert_eq!(room(&asked(0), None, 2048), 1);
        assert_eq!(room(&asked(2000), Some(3), 2048), 3);
    }
}
