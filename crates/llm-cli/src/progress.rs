//! What people see while many lines are answered: a bar, or a count where nobody knows how many there are.
//! Whether somebody would see it, the program says.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{FormattedDuration, ProgressBar, ProgressStyle};
use llm_filter::Summary;

use crate::message::{Drawn, draw_around};

/// With the number of lines known: no colours and no spinner, the bar is all that
/// moves.
const BAR: &str = "{pos}/{len} lines {wide_bar} {msg}";

/// With the number of lines unknown.
const COUNTS: &str = "{spinner} {pos} lines {msg}";

/// A bar that messages know of.
struct DrawnBar(ProgressBar);

impl Drawn for DrawnBar {
    fn step_aside(&self, write: &mut dyn FnMut()) {
        self.0.suspend(write);
    }

    fn wipe(&self) {
        self.0.finish_and_clear();
    }
}

/// Lets messages know that a bar is drawn: it steps aside for them, and a signal that ends the program
/// wipes it.
pub fn draw(bar: &ProgressBar) {
    draw_around(Some(Arc::new(DrawnBar(bar.clone()))));
}

/// The bar of a run.
#[derive(Debug)]
pub struct LineBar {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    /// What was shown last: lines, and whole seconds.
    shown: (u64, u64),
}

impl LineBar {
    /// Draws a bar on standard error if somebody would see it and nothing else is written beside it.
    /// Lines are counted only then.
    #[must_use]
    pub fn start(is_shown: bool, lines: impl FnOnce() -> Option<u64>) -> Self {
        if !is_shown {
            return Self {
                bar: None,
                total: None,
                shown: (0, 0),
            };
        }
        let total = lines();
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), BAR),
            None => (ProgressBar::new_spinner(), COUNTS),
        };
        // A template that does not parse would leave the library's own style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        draw(&bar);
        bar.tick();
        Self {
            bar: Some(bar),
            total,
            shown: (0, 0),
        }
    }

    /// Shows how far a run is, after each line and each second.
    pub fn show(&mut self, summary: &Summary) {
        let Some(bar) = &self.bar else {
            return;
        };
        let worked = summary.done + summary.failed;
        let now = (worked + summary.skipped, summary.elapsed.as_secs());
        if now == self.shown {
            return;
        }
        self.shown = now;
        if worked > 0 || summary.under_way.requests > 0 {
            bar.set_message(message(summary, worked, self.total));
        }
        bar.set_position(now.0);
    }
}

/// However a run ends, what comes next starts on a clean line.
impl Drop for LineBar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            draw_around(None);
            bar.finish_and_clear();
        }
    }
}

/// Returns the speed so far and the time that is left at it.
fn message(summary: &Summary, worked: u64, total: Option<u64>) -> String {
    let mut text = format!("{:.1} tokens/s", summary.tokens_per_second());
    let under_way = summary.under_way;
    if worked == 0 {
        // The first answers may take minutes, and something goes on.
        let tokens = under_way.prompt_tokens + under_way.completion_tokens;
        text.push_str(&format!(", {tokens} tokens so far"));
    }
    if let Some(left) = total.and_then(|total| left(summary, worked, total)) {
        text.push_str(&format!(", {} left", FormattedDuration(left)));
    }
    text
}

/// Returns how long the rest takes. Lines that were closed before took no time,
/// so they tell nothing.
fn left(summary: &Summary, worked: u64, total: u64) -> Option<Duration> {
    if worked == 0 {
        return None;
    }
    let lines = total.saturating_sub(worked + summary.skipped);
    let seconds = summary.elapsed.as_secs_f64() / worked as f64 * lines as f64;
    let whole = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Duration::from_secs(whole.as_secs()))
}

#[cfg(test)]
mod tests {
    use llm_filter::UnderWay;

    use super::*;

    fn after(done: u64, skipped: u64, seconds: u64) -> Summary {
        Summary {
            done,
            skipped,
            prompt_tokens: 300,
            completion_tokens: 100,
            elapsed: Duration::from_secs(seconds),
            ..Summary::default()
        }
    }

    #[test]
    fn the_time_left_counts_only_lines_that_took_time() {
        // Two lines in ten seconds; 90 of 100 were there, so 8 are left.
        let summary = after(2, 90, 10);
        assert_eq!(left(&summary, 2, 100), Some(Duration::from_secs(40)));
        assert_eq!(
            message(&summary, 2, Some(100)),
            "40.0 tokens/s, 00:00:40 left"
        );
        assert_eq!(message(&summary, 2, None), "40.0 tokens/s");
    }

    #[test]
    fn before_the_first_answer_its_tokens_are_told() {
        let summary = Summary {
            under_way: UnderWay {
                requests: 2,
                prompt_tokens: 30,
                completion_tokens: 10,
            },
            elapsed: Duration::from_secs(4),
            ..Summary::default()
        };
        let told = message(&summary, 0, Some(9));
        assert_eq!(told, "10.0 tokens/s, 40 tokens so far");
    }

    #[test]
    fn before_the_first_line_no_time_is_told() {
        assert_eq!(left(&after(0, 0, 5), 0, 100), None);
        assert_eq!(left(&after(0, 0, 0), 0, 100), None);
        // More lines than were counted: the file has grown.
        assert_eq!(left(&after(5, 0, 5), 5, 3), Some(Duration::ZERO));
    }
}
