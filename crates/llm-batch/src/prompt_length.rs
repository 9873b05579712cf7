//! A conversation of megabytes → how many tokens its prompt has, before the
//! prompt is made: with a guard, a template takes twenty times a text's memory.
//!
//! At first from its length alone, see `tokens::bound`. Then exactly: the template
//! renders the ends of each long text, and the rest is put between them. So that
//! it finds in them what it may look for in a text, the words of its source that
//! occur in the rest stand between the ends meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;

use llm_engine::model::Model;
use llm_prompt::{ChatTemplate, Guard};
use llm_record::{Failed, Job, Message};
use llm_tokenizer::cancel::{Cancellation, Cancelled};
use llm_tokenizer::{Marked, black_bytes};

use crate::prompt::{Prompt, Prompts};

/// Bytes of a conversation that is long: its tokens are counted before it is
/// rendered.
const LONG: usize = 1 << 18;

/// Bytes of a text's ends that are rendered. What a text's first and last words
/// become beside the template's own does not reach further.
const EDGE: usize = 1 << 13;

/// Stands for the rest of a text: letters that nobody looks for.
const STAND_IN: &str = "qxzvkwjqpzxvqkj";

/// Why a prompt's tokens are not known.
pub(crate) enum Obstacle {
    /// They are not wanted any more.
    Cancelled(Cancelled),
    /// There is no such prompt.
    Refused(Failed),
}

impl From<Cancelled> for Obstacle {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// Returns whether a conversation is long.
pub(crate) fn is_long(job: &Job) -> bool {
    contents(job).map(str::len).sum::<usize>() > LONG
}

fn contents(job: &Job) -> impl Iterator<Item = &str> {
    let messages = job.messages.iter();
    messages.filter_map(|message| message.content.as_deref())
}

/// Returns how many tokens the prompt of a conversation has at least.
pub(crate) fn least_tokens(model: &Model, job: &Job) -> usize {
    // Of what a model has said, templates leave its reasoning out.
    let arrives = |message: &&Message| job.is_raw || message.role != "assistant";
    let messages = job.messages.iter().filter(arrives);
    let bytes = messages.filter_map(|message| message.content.as_deref().map(black_bytes));
    model.tokenizer.least_tokens(bytes.sum())
}

/// Returns how many tokens the prompt of a conversation has; nothing where only
/// the whole rendering tells.
pub(crate) fn count(
    prompts: &Prompts,
    model: &Model,
    job: &Job,
    cancellation: &Cancellation,
) -> Result<Option<usize>, Obstacle> {
    let tokenizer = &model.tokenizer;
    let mut count = 0;
    let mut take = |ids: &[u32]| count += ids.len();
    let Some(template) = prompts.template(job).map_err(Obstacle::Refused)? else {
        let parses = prompts.guard(job).is_none();
        tokenizer.encode_each(&job.text(), true, parses, cancellation, &mut take)?;
        return Ok(Some(count));
    };
    let Some(shortened) = Shortened::new(job, template, cancellation)? else {
        return Ok(None);
    };
    let prompt = prompts.make(model, &shortened.job, cancellation);
    cancellation.check()?;
    let prompt = prompt.map_err(Obstacle::Refused)?;
    let Some(whole) = shortened.put_back(job, &prompt, prompts.guard(job).is_some()) else {
        return Ok(None);
    };
    drop(shortened);
    let marked = Marked {
        text: &whole.text,
        foreign: &whole.foreign,
        marks: prompts.guard(job).map_or(&[][..], Guard::marks),
    };
    tokenizer.encode_prompt_each(marked, cancellation, &mut take)?;
    Ok(Some(count))
}

/// A conversation whose long texts are short.
struct Shortened {
    job: Job,
    omissions: Vec<Omission>,
}

/// What was taken out of a text.
struct Omission {
    message: usize,
    /// Bytes of the content that are left out.
    rest: Range<usize>,
    /// What stands for them.
    stand_in: String,
}

/// A rendered prompt.
struct Whole {
    text: String,
    foreign: Vec<Range<usize>>,
}

impl Shortened {
    /// Shortens the long texts, unless one holds what is to stand for its rest.
    fn new(
        job: &Job,
        template: &ChatTemplate,
        cancellation: &Cancellation,
    ) -> Result<Option<Self>, Cancelled> {
        if contents(job).any(|content| content.contains(STAND_IN)) {
            return Ok(None);
        }
        let words = quoted(template.source());
        let (mut messages, mut omissions) = (Vec::new(), Vec::new());
        for (number, message) in job.messages.iter().enumerate() {
            let content = message.content.as_deref().unwrap_or_default();
            if content.len() <= 4 * EDGE {
                messages.push(message.clone());
                continue;
            }
            let start = content.floor_char_boundary(EDGE);
            let rest = start..content.floor_char_boundary(content.len() - EDGE);
            let mut stand_in = String::from("\n");
            for word in &words {
                cancellation.check()?;
                if content[rest.clone()].contains(word.as_str()) {
                    stand_in.push_str(word);
                    stand_in.push('\n');
                }
            }
            // None is the beginning of another.
            stand_in.push_str(&format!("{STAND_IN}{number}z\n"));
            messages.push(Message {
                role: message.role.clone(),
                content: Some([&content[..start], &stand_in, &content[rest.end..]].concat()),
                fields: message.fields.clone(),
            });
            omissions.push(Omission {
                message: number,
                rest,
                stand_in,
            });
        }
        let job = without_messages(job);
        Ok(Some(Self {
            job: Job { messages, ..job },
            omissions,
        }))
    }

    /// Returns the prompt with the whole texts; nothing where the template has
    /// changed what was to be their ends.
    fn put_back(&self, job: &Job, prompt: &Prompt, is_guarded: bool) -> Option<Whole> {
        let mut places = Vec::new();
        for omission in &self.omissions {
            let content = job.messages[omission.message].content.as_deref()?;
            let mut found = prompt.text.match_indices(&omission.stand_in);
            let (start, _) = found.next().filter(|_| found.next().is_none())?;
            let before = content[..omission.rest.start].trim_start();
            let after = content[omission.rest.end..].trim_end();
            let end = start + omission.stand_in.len();
            let arrives =
                prompt.text[..start].ends_with(before) && prompt.text[end..].starts_with(after);
            if !arrives {
                return None;
            }
            places.push((start..end, &content[omission.rest.clone()]));
        }
        places.sort_by_key(|(place, _)| place.start);
        Some(splice(&prompt.text, prompt.foreign(), &places, is_guarded))
    }
}

/// Puts texts in the place of stretches of a prompt; all of them came from outside.
fn splice(
    text: &str,
    foreign: &[Range<usize>],
    places: &[(Range<usize>, &str)],
    is_guarded: bool,
) -> Whole {
    let more: usize = places.iter().map(|(_, rest)| rest.len()).sum();
    let mut whole = Whole {
        text: String::with_capacity(text.len() + more),
        foreign: Vec::new(),
    };
    let mut position = 0;
    let end = (text.len()..text.len(), "");
    for (place, rest) in places.iter().chain([&end]) {
        let shift = whole.text.len();
        let own = foreign
            .iter()
            .map(|range| range.start.max(position)..range.end.min(place.start))
            .filter(|range| range.start < range.end);
        whole
            .foreign
            .extend(own.map(|range| range.start - position + shift..range.end - position + shift));
        whole.text.push_str(&text[position..place.start]);
        let start = whole.text.len();
        whole.text.push_str(rest);
        if is_guarded && !rest.is_empty() {
            whole.foreign.push(start..whole.text.len());
        }
        position = place.end;
    }
    whole
}

/// Returns a request without its conversation, which is not copied.
fn without_messages(job: &Job) -> Job {
    Job {
        line: job.line,
        id: job.id.clone(),
        messages: Vec::new(),
        text: None,
        tools: job.tools.clone(),
        overrides: job.overrides.clone(),
        lora: job.lora.clone(),
        input: job.input.clone(),
        source_digest: job.source_digest.clone(),
        reply: job.reply,
        is_raw: job.is_raw,
        requested_model: job.requested_model.clone(),
        ignored: job.ignored.clone(),
        vectors: job.vectors.clone(),
    }
}

/// Returns a request whose text is taken out, and of which nothing long is copied.
pub(crate) fn without_text(job: &Job, message: usize) -> Job {
    let messages = job
        .messages
        .iter()
        .enumerate()
        .map(|(number, turn)| Message {
            role: turn.role.clone(),
            content: if number == message {
                None
            } else {
                turn.content.clone()
            },
            fields: turn.fields.clone(),
        })
        .collect();
    Job {
        messages,
        text: job.text.clone(),
        ..without_messages(job)
    }
}

/// Returns the strings of a template's source that are more than a name: what it
/// may look for in a text.
fn quoted(source: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut rest = source;
    while let Some(open) = rest.find(['\'', '"']) {
        let quote = rest[open..].chars().next().unwrap_or('"');
        let (mut word, mut is_escaped, mut end) = (String::new(), false, None);
        for (length, letter) in rest[open + 1..].char_indices() {
            match letter {
                _ if is_escaped => {
                    is_escaped = false;
                    word.push(match letter {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    });
                }
                '\\' => is_escaped = true,
                _ if letter == quote => {
                    end = Some(open + 1 + length + 1);
                    break;
                }
                _ => word.push(letter),
            }
        }
        // Outside of tags an apostrophe opens nothing; what it leads to is looked
        // for in vain.
        let is_name = word
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_');
        if !is_name && !word.trim().is_empty() && word.len() < EDGE {
            words.insert(word);
        }
        rest = match end {
            Some(end) => &rest[end..],
            None => &rest[open + 1..],
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_looks_for_stands_in_quotes() {
        let source = r#"{% if '</think>' in m.content and m['role'] == "user" %}{{ "a\n\"b" }}{{ ' ' }}it's"#;
        let words = quoted(source);
        assert_eq!(
            words.into_iter().collect::<Vec<_>>(),
            ["</think>", "a\n\"b"]
        );
        assert!(quoted("'open").is_empty());
    }

    #[test]
    fn what_is_put_back_is_foreign_and_all_else_as_it_was() {
        // (a) and [b] are foreign, and so is what takes the places of 1 and 2.
        let whole = splice(
            "x(a1c)y2z",
            &[1..5, 5..6],
            &[(3..4, "ONE"), (7..8, "TWO")],
            true,
        );
        assert_eq!(whole.text, "x(aONEc)yTWOz");
        let parts: Vec<_> = whole
            .foreign
            .iter()
            .map(|range| &whole.text[range.clone()])
            .collect();
        assert_eq!(parts, ["(a", "ONE", "c", ")", "TWO"]);
        assert!(splice("a1b", &[], &[(1..2, "x")], false).foreign.is_empty());
    }
}
