//! What the name of a model's file claims: its part of a split model, and its quantization.

/// The place of a file in a split model.
pub(crate) struct Split<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) index: u32,
    pub(crate) total: u32,
}

/// The name that llama.cpp's `gguf-split` gives a part; `index` counts from 1.
pub(crate) fn split_name(prefix: &str, index: u32, total: u32) -> String {
    format!("{prefix}-{index:05}-of-{total:05}.gguf")
}

/// Reads `PREFIX-00001-of-00003.gguf`.
pub(crate) fn split_of(file: &str) -> Option<Split<'_>> {
    let stem = file.strip_suffix(".gguf")?;
    let (rest, total) = stem.rsplit_once("-of-")?;
    let (prefix, index) = rest.rsplit_once('-')?;
    let number = |text: &str| {
        (text.len() == 5)
            .then(|| text.parse::<u32>().ok())
            .flatten()
    };
    let (index, total) = (number(index)?, number(total)?);
    (index >= 1 && index <= total).then_some(Split {
        prefix,
        index,
        total,
    })
}

/// Returns the quantization that a file's name claims, in capitals: `Q4_K_M`
/// for `x-q4_k_m.gguf`, `UD-Q4_K_XL` for `x-UD-Q4_K_XL-00001-of-00002.gguf`.
///
/// The name is a claim only; the file's header has the truth.
#[must_use]
pub fn quantization(file: &str) -> Option<String> {
    let base = file.rsplit('/').next().unwrap_or(file);
    let stem = split_of(base).map_or_else(
        || base.rsplit_once('.').map_or(base, |(stem, _)| stem),
        |split| split.prefix,
    );
    let words: Vec<String> = stem
        .split(['-', '.'])
        .map(str::to_ascii_uppercase)
        .collect();
    let found = words
        .iter()
        .enumerate()
        .rev()
        .find_map(|(index, word)| label_in(word).map(|label| (index, label.to_owned())));
    let (index, label) = found?;
    let dynamic = index > 0 && words.get(index - 1).is_some_and(|word| word == "UD");
    Some(if dynamic {
        format!("UD-{label}")
    } else {
        label
    })
}

/// Finds a quantization's name at the end of a word, alone or after `_`.
fn label_in(word: &str) -> Option<&str> {
    let starts = std::iter::once(0).chain(word.match_indices('_').map(|(index, _)| index + 1));
    starts
        .filter_map(|start| word.get(start..))
        .find(|label| is_label(label))
}

fn is_label(text: &str) -> bool {
    let digit_after = |start: &str| {
        text.strip_prefix(start)
            .and_then(|rest| rest.bytes().next())
            .is_some_and(|byte| byte.is_ascii_digit())
    };
    digit_after("Q")
        || digit_after("IQ")
        || digit_after("TQ")
        || matches!(
            text,
            "F16" | "FP16" | "BF16" | "F32" | "FP32" | "MXFP4" | "NVFP4"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quantizations_from_real_names() {
        let cases = [
            ("SmolLM2-135M-Instruct.Q4_1.gguf", Some("Q4_1")),
            ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", Some("Q4_K_M")),
            ("smollm2-1.7b-instruct-q4_k_m.gguf", Some("Q4_K_M")),
            (
                "UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00002.gguf",
                Some("UD-Q4_K_XL"),
            ),
            ("gpt-oss-20b-mxfp4.gguf", Some("MXFP4")),
            ("model_q8_0.gguf", Some("Q8_0")),
            ("m-IQ4_XS-imat.gguf", Some("IQ4_XS")),
            ("m-bf16.gguf", Some("BF16")),
            ("Qwen3-0.6B.gguf", None),
            ("Qwen2.5-Q-7B.gguf", None),
        ];
        for (file, expected) in cases {
            assert_eq!(quantization(file).as_deref(), expected, "{file}");
        }
    }
}
