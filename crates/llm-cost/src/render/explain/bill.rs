//! The formula of a cloud's bill: as short as the volume and the prices allow.

use crate::bill::{Rates, Volume};

/// Returns the formula in letters and in numbers; `tokens` and `batch` write a volume and a share as the
/// caller wants them.
pub(super) fn bill(
    volume: &Volume,
    rates: &Rates,
    tokens: impl Fn(f64) -> String,
    batch: impl Fn(f64) -> String,
) -> [String; 2] {
    let (hit, write, hour) = (volume.cache_hit, volume.cache_write, volume.cache_write_1h);
    let minutes = if hour > 0.0 { "(w-w1)" } else { "w" };
    let (letters, numbers) = if hour > 0.0 {
        (
            " + w1 p1",
            format!(" + {hour:.4} x {}", rates.cache_write_1h.0),
        )
    } else {
        ("", String::new())
    };
    let input = format!(
        "{} ({:.4} x {} + {hit:.4} x {} + {:.4} x {}{numbers})",
        tokens(volume.input.0),
        1.0 - hit - write,
        rates.input.0,
        rates.cache_read.0,
        write - hour,
        rates.cache_write.0
    );
    let output = format!("{} x {}", tokens(volume.output.0), rates.output.0);
    let input_letters = format!("I ((1-h-w) pi + h pr + {minutes} pw{letters})");
    let share = batch(volume.batch);
    let (of_input, of_output) = (rates.batch_discount, rates.batch_discount_output);
    if of_input == of_output {
        return [
            format!("[{input_letters} + O po] (1 - b d)"),
            format!("[{input} + {output}] (1 - {share} x {of_input})"),
        ];
    }
    [
        format!("{input_letters} (1 - b di) + O po (1 - b do)"),
        format!("{input} (1 - {share} x {of_input}) + {output} (1 - {share} x {of_output})"),
    ]
}
