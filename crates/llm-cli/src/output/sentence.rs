//! Records as sentences and lines for people, in text form.

use llm_record::{Estimate, Found, Part, Replay, counted};

use crate::memory::gib;

/// Returns what a run would take, as a sentence.
pub(super) fn expected(estimate: &Estimate) -> String {
    let mut text = format!(
        "{}, {} ({} of each line's shared), at most {} generated, {} of memory",
        counted(estimate.lines, "line", "lines"),
        counted(estimate.prompt_tokens, "prompt token", "prompt tokens"),
        estimate.shared_prefix_tokens,
        estimate.max_completion_tokens,
        gib(estimate.memory.total()),
    );
    if let Some(hours) = estimate.hours {
        text.push_str(&format!(", {hours:.3} hours at the measured speed"));
    }
    if let Some(kwh) = estimate.kwh {
        text.push_str(&format!(", {kwh:.3} kWh"));
    }
    if let Some(cloud) = &estimate.cloud {
        text.push_str(&format!(
            ", at most {:.4} dollars with {}",
            cloud.usd, cloud.id
        ));
    }
    text
}

/// Returns texts that were found as a line for people: the score, and name and text of each, tabs
/// between. What would steer a terminal, and line ends, are spaces.
pub(super) fn found(score: f32, texts: &[&Found]) -> String {
    let mut line = format!("{score:.4}");
    for text in texts {
        line.push('\t');
        line.push_str(&text.name());
        if let Some(text) = &text.text {
            line.push('\t');
            line.push_str(text.trim());
        }
    }
    let plain = |letter: char| {
        if letter.is_control() && letter != '\t' {
            ' '
        } else {
            letter
        }
    };
    line.chars().map(plain).collect()
}

/// Returns what differs in an answer that was given again, as `cmp` would say it; nothing where it is
/// the same.
pub(super) fn difference(replay: &Replay) -> Option<String> {
    if replay.same {
        return None;
    }
    let line = replay.line;
    let part = match replay.differs {
        None => return Some(format!("line {line} has no answer to compare with")),
        Some(Part::ReasoningContent) => "the reasoning",
        Some(Part::FinishReason) => "the finish reason",
        Some(Part::ToolCalls) => "the calls",
        Some(_) => "the answer",
    };
    let at = replay.first_difference.unwrap_or(0);
    Some(format!("line {line} differs: {part}, from byte {at} on"))
}
