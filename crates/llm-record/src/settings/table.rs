//! The rows. The names that a setting has elsewhere are, in this order, those of `OpenAI`'s chat,
//! transformers, `OpenAI`'s responses, Ollama and llama.cpp; then those of vLLM and transformers, of
//! Mistral and of Anthropic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::field::read;
use super::value::{SettingValue, check, either, extend, over};
use super::{Domain, Flag, Interval, Setting};
use crate::{Seed, StructuredOutput, Values};

settings! {
    limit {
        /// Tokens to generate at most; -1 means to the end of the context.
        max_tokens: i64 => i64 {
            used: "Most tokens to generate; -1 means to the end of the context.",
            aliases: &[
                "max_completion_tokens",
                "max_new_tokens",
                "max_output_tokens",
                "num_predict",
                "n_predict",
            ],
            is_shared: true,
            domain: Domain::AtLeast(-1),
            description: "Tokens to generate at most; -1 means to the end of the context.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "n-predict",
                also: &["max-tokens", "predict", "max-completion-tokens", "max-new-tokens", "max-output-tokens", "num-predict"],
                short: Some('n'),
                value: "N",
                // Long enough for an answer of two pages, short enough that a model which never ends
                // does not run all night.
                default: Some("1024"),
                help: "Generate at most N tokens (-1: to the end of the context)",
            },
        }
    }
    sampler {
        /// Temperature; 0 means greedy.
        temperature: f32 => f32 {
            used: "Temperature; 0 means greedy.",
            aliases: &["temp"],
            is_shared: true,
            domain: Domain::Number(Interval::from_zero()),
            description: "Temperature; 0 means greedy.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "temp",
                also: &["temperature"],
                short: None,
                value: "T",
                default: None,
                help: "Set the temperature (0: always take the most likely token)",
            },
        }
        /// How many of the best tokens stay; 0 or less means all.
        top_k: i64 => i64 {
            used: "How many of the best tokens stayed; 0 means all.",
            aliases: &[],
            is_shared: true,
            domain: Domain::RaisedTo(0),
            description: "How many of the best tokens stay; 0 or less means all.",
            is_idle_when_greedy: true,
            flag: Flag {
                long: "top-k",
                also: &[],
                short: None,
                value: "K",
                default: None,
                help: "Keep the K most likely tokens (0: all)",
            },
        }
        /// Probability mass that stays, above 0 and at most 1.
        top_p: f32 => f32 {
            used: "Probability mass that stayed.",
            aliases: &[],
            is_shared: true,
            domain: Domain::Number(Interval::above_zero().up_to(1.0)),
            description: "Probability mass that stays.",
            is_idle_when_greedy: true,
            flag: Flag {
                long: "top-p",
                also: &[],
                short: None,
                value: "P",
                default: None,
                help: "Keep the most likely tokens that together have probability P",
            },
        }
        /// Least probability relative to the best token's, 0 to 1.
        min_p: f32 => f32 {
            used: "Least probability relative to the best token's.",
            aliases: &[],
            is_shared: true,
            domain: Domain::Number(Interval::from_zero().up_to(1.0)),
            description: "Least probability relative to the best token's.",
            is_idle_when_greedy: true,
            flag: Flag {
                long: "min-p",
                also: &[],
                short: None,
                value: "P",
                default: None,
                help: "Keep tokens that are at least P times as likely as the most likely one",
            },
        }
        /// Divisor for the logits of recent tokens; 1 means none.
        repeat_penalty: f32 => f32 {
            used: "Divisor for the logits of recent tokens; 1 means none.",
            aliases: &["repetition_penalty"],
            is_shared: true,
            domain: Domain::Number(Interval::above_zero()),
            description: "Divisor for the logits of recent tokens; 1 means none.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "repeat-penalty",
                also: &["repetition-penalty"],
                short: None,
                value: "X",
                default: None,
                help: "Divide the logits of recent tokens by X (1: off)",
            },
        }
        /// How many of the last tokens are penalized; -1 means the whole context.
        repeat_last_n: i64 => i64 {
            used: "How many of the last tokens were penalized; -1 means the whole context.",
            aliases: &[],
            is_shared: true,
            domain: Domain::AtLeast(-1),
            description: "How many of the last tokens are penalized; -1 means the whole context.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "repeat-last-n",
                also: &[],
                short: None,
                value: "N",
                default: None,
                help: "Count the last N tokens as recent (-1: the whole context)",
            },
        }
        /// Seed; -1 draws one.
        seed: Seed => u64 {
            used: "Seed of the random stream, drawn or given.",
            aliases: &["random_seed"],
            is_shared: true,
            domain: Domain::Seed,
            description: "Seed; -1 draws one.",
            is_idle_when_greedy: true,
            flag: Flag {
                long: "seed",
                also: &["random-seed"],
                short: Some('s'),
                value: "N",
                default: None,
                help: "Seed the random draws with N (default: 0; -1: draw a seed, which the record names)",
            },
        }
    }
    texts {
        /// Texts that end the answer and are not part of it.
        stop: Vec<String> => Vec<String> {
            used: "Texts that end the answer.",
            aliases: &["stop_sequences"],
            is_shared: true,
            domain: Domain::Texts,
            description: "Texts that end the answer.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "stop",
                also: &["stop-sequences"],
                short: None,
                value: "TEXT",
                default: None,
                help: "End the answer before this text; \\n stands for a newline, \\t for a tab, \\\\ for a \
                       backslash; may be given several times",
            },
        }
        /// Labels, of which the likeliest is the answer instead of a generated one.
        choices: Vec<String> => Vec<String> {
            used: "The labels to choose from; nothing is generated where there are any.",
            aliases: &[],
            is_shared: false,
            domain: Domain::Labels,
            description: "Labels, of which the likeliest is the answer instead of a generated one.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "choices",
                also: &[],
                short: None,
                value: "LABELS",
                default: None,
                help: "Answer with the most likely of these labels, separated by commas, and generate nothing. \
                       Spaces around a label are ignored, unless the first label starts with a space; then \
                       all of them do",
            },
        }
    }
    switches {
        /// Whether an answer ends that repeats itself without end; by default where it is greedy.
        stop_repetition: bool => Option<bool> {
            used: "Whether an answer that repeats itself was ended, where the request said so; else it was where \
                   it is greedy.",
            aliases: &[],
            is_shared: false,
            domain: Domain::Switch,
            description: "Whether an answer ends that repeats itself without end; by default where it is greedy.",
            is_idle_when_greedy: false,
            flag: Flag {
                long: "stop-repetition",
                also: &[],
                short: None,
                value: "on|off",
                default: None,
                help: "End an answer whose last 128 tokens or more are one block of at most 256 tokens at least four \
                       times over (default: on where the most likely token is always taken)",
            },
        }
    }
}
