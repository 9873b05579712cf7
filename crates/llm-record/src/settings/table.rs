//! The rows. The names that a setting has elsewhere are, in this order, those of `OpenAI`'s chat,
//! transformers, `OpenAI`'s responses, Ollama and llama.cpp; then those of vLLM and transformers, of
//! Mistral and of Anthropic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::field::read;
use super::value::{SettingValue, UsedAs, check, either, extend, over};
use super::{Domain, Flag, Interval, LogitBias, Neutral, SamplerName, Setting, TopLogprobs};
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
            domain: Domain::AtLeast(-1),
            description: "Tokens to generate at most; -1 means to the end of the context.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["max-tokens", "predict", "max-completion-tokens", "max-new-tokens", "max-output-tokens", "num-predict"],
                short: Some('n'),
                // Long enough for an answer of two pages, short enough that a model which never ends
                // does not run all night.
                default: Some("1024"),
                ..Flag::new("n-predict", "N", "Generate at most N tokens (-1: to the end of the context)")
            },
            ..Setting::USUAL
        }
    }
    sampler {
        /// Temperature; 0 means greedy.
        temperature: f32 => f32 {
            used: "Temperature; 0 means greedy.",
            aliases: &["temp"],
            domain: Domain::Number(Interval::from_zero()),
            description: "Temperature; 0 means greedy.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["temperature"],
                ..Flag::new("temp", "T", "Set the temperature (0: always take the most likely token)")
            },
            ..Setting::USUAL
        }
        /// How many of the best tokens stay; 0 or less means all.
        top_k: i64 => i64 {
            used: "How many of the best tokens stayed; 0 means all.",
            domain: Domain::RaisedTo(0),
            description: "How many of the best tokens stay; 0 or less means all.",
            flag: Flag::new("top-k", "K", "Keep the K most likely tokens (0: all)"),
            ..Setting::USUAL
        }
        /// Probability mass that stays, above 0 and at most 1.
        top_p: f32 => f32 {
            used: "Probability mass that stayed.",
            domain: Domain::Number(Interval::above_zero().up_to(1.0)),
            description: "Probability mass that stays.",
            flag: Flag::new("top-p", "P", "Keep the most likely tokens that together have probability P"),
            ..Setting::USUAL
        }
        /// Least probability relative to the best token's, 0 to 1.
        min_p: f32 => f32 {
            used: "Least probability relative to the best token's.",
            domain: Domain::Number(Interval::from_zero().up_to(1.0)),
            description: "Least probability relative to the best token's.",
            flag: Flag::new("min-p", "P", "Keep tokens that are at least P times as likely as the most likely one"),
            ..Setting::USUAL
        }
        /// Divisor for the logits of recent tokens; 1 means none.
        repeat_penalty: f32 => f32 {
            used: "Divisor for the logits of recent tokens; 1 means none.",
            aliases: &["repetition_penalty"],
            domain: Domain::Number(Interval::above_zero()),
            description: "Divisor for the logits of recent tokens; 1 means none.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["repetition-penalty"],
                ..Flag::new("repeat-penalty", "X", "Divide the logits of recent tokens by X (1: off)")
            },
            ..Setting::USUAL
        }
        /// How many of the last tokens are penalized; -1 means the whole context.
        repeat_last_n: i64 => i64 {
            used: "How many of the last tokens were penalized; -1 means the whole context.",
            domain: Domain::AtLeast(-1),
            description: "How many of the last tokens are penalized; -1 means the whole context.",
            is_idle_when_greedy: false,
            flag: Flag::new("repeat-last-n", "N", "Count the last N tokens as recent (-1: the whole context)"),
            ..Setting::USUAL
        }
        /// Seed; -1 draws one.
        seed: Seed => u64 {
            used: "Seed of the random stream, drawn or given.",
            aliases: &["random_seed"],
            domain: Domain::Seed,
            description: "Seed; -1 draws one.",
            flag: Flag {
                also: &["random-seed"],
                short: Some('s'),
                ..Flag::new("seed", "N", "Seed the random draws with N (default: 0; -1: draw a seed, which the record names)")
            },
            ..Setting::USUAL
        }
    }
    texts {
        /// Texts that end the answer and are not part of it.
        stop: Vec<String> => Vec<String> {
            used: "Texts that end the answer.",
            aliases: &["stop_sequences"],
            domain: Domain::Texts,
            description: "Texts that end the answer.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["stop-sequences"],
                ..Flag::new("stop", "TEXT", "End the answer before this text; \\n stands for a newline, \\t for a tab, \\\\ for a \
                       backslash; may be given several times")
            },
            ..Setting::USUAL
        }
        /// Labels, of which the likeliest is the answer instead of a generated one.
        choices: Vec<String> => Vec<String> {
            used: "The labels to choose from; nothing is generated where there are any.",
            is_shared: false,
            domain: Domain::Labels,
            description: "Labels, of which the likeliest is the answer instead of a generated one.",
            is_idle_when_greedy: false,
            flag: Flag::new("choices", "LABELS", "Answer with the most likely of these labels, separated by commas, and generate nothing. \
                       Spaces around a label are ignored, unless the first label starts with a space; then \
                       all of them do"),
            ..Setting::USUAL
        }
    }
    more {
        /// Whether an answer ends that repeats itself without end; by default where it is greedy.
        stop_repetition: bool => Option<bool> {
            used: "Whether an answer that repeats itself was ended, where the request said so; else it was where \
                   it is greedy.",
            is_shared: false,
            domain: Domain::Switch,
            description: "Whether an answer ends that repeats itself without end; by default where it is greedy.",
            is_idle_when_greedy: false,
            flag: Flag::new("stop-repetition", "on|off", "End an answer whose last 128 tokens or more are one block of at most 256 tokens at least four \
                       times over (default: on where the most likely token is always taken)"),
            ..Setting::USUAL
        }
        /// What is subtracted from the logits of recent tokens; 0 means nothing.
        presence_penalty: f32 => Option<f32> {
            used: "What was subtracted from the logits of recent tokens.",
            domain: Domain::Number(Interval::ANY),
            neutral: Neutral::Is(0.0),
            description: "What is subtracted from the logits of recent tokens; 0 means nothing.",
            is_idle_when_greedy: false,
            flag: Flag::new("presence-penalty", "X", "Subtract X from the logits of recent tokens (0: off)"),
            ..Setting::USUAL
        }
        /// What is subtracted from the logits of recent tokens for each time that they came; 0 means nothing.
        frequency_penalty: f32 => Option<f32> {
            used: "What was subtracted from the logits of recent tokens for each time that they came.",
            domain: Domain::Number(Interval::ANY),
            neutral: Neutral::Is(0.0),
            description: "What is subtracted from the logits of recent tokens for each time that they came; 0 means nothing.",
            is_idle_when_greedy: false,
            flag: Flag::new("frequency-penalty", "X", "Subtract X from the logits of recent tokens for each time that they came (0: off)"),
            ..Setting::USUAL
        }
        /// DRY: the penalty on a token that continues a repetition of the allowed length; 0 turns it off.
        dry_multiplier: f32 => Option<f32> {
            used: "DRY: the penalty on a token that continued a repetition of the allowed length.",
            domain: Domain::Number(Interval::from_zero()),
            neutral: Neutral::Is(0.0),
            description: "DRY: the penalty on a token that continues a repetition of the allowed length; 0 turns it off.",
            is_idle_when_greedy: false,
            flag: Flag::new("dry-multiplier", "X", "DRY: subtract X from the logit of a token that continues a repetition (0: off)"),
            ..Setting::USUAL
        }
        /// DRY: by what the penalty is multiplied for each token beyond the allowed length.
        dry_base: f32 => Option<f32> {
            used: "DRY: by what the penalty was multiplied for each token beyond the allowed length; 1.75 where nothing is said.",
            domain: Domain::Number(Interval::from(1.0)),
            neutral: Neutral::Is(1.75),
            description: "DRY: by what the penalty is multiplied for each token beyond the allowed length.",
            is_idle_when_greedy: false,
            flag: Flag::new("dry-base", "X", "DRY: multiply the penalty by X for each further token that is repeated (default: 1.75)"),
            ..Setting::USUAL
        }
        /// DRY: how many tokens may be repeated before the next is penalized.
        dry_allowed_length: i64 => Option<i64> {
            used: "DRY: how many tokens might be repeated; 2 where nothing is said.",
            domain: Domain::AtLeast(0),
            neutral: Neutral::Is(2.0),
            description: "DRY: how many tokens may be repeated before the next is penalized.",
            is_idle_when_greedy: false,
            flag: Flag::new("dry-allowed-length", "N", "DRY: let N tokens be repeated (default: 2)"),
            ..Setting::USUAL
        }
        /// DRY: how many of the last tokens are searched; -1 means the whole context.
        dry_penalty_last_n: i64 => Option<i64> {
            used: "DRY: how many of the last tokens were searched; 64 where nothing is said, -1 means the whole context.",
            domain: Domain::AtLeast(-1),
            neutral: Neutral::Is(64.0),
            description: "DRY: how many of the last tokens are searched; -1 means the whole context.",
            is_idle_when_greedy: false,
            flag: Flag::new("dry-penalty-last-n", "N", "DRY: look for repetitions in the last N tokens (default: 64; -1: the whole context)"),
            ..Setting::USUAL
        }
        /// DRY: texts that a repetition does not go beyond.
        dry_sequence_breakers: Vec<String> => Option<Vec<String>> {
            used: "DRY: texts that a repetition did not go beyond; newline, colon, double quote and asterisk where nothing is said.",
            domain: Domain::Breakers,
            neutral: Neutral::Never,
            description: "DRY: texts that a repetition does not go beyond.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["dry-sequence-breakers"],
                ..Flag::new("dry-sequence-breaker", "TEXT", "DRY: end repetitions at this text instead of at newline, colon, double quote and asterisk; may be given several times (none: nowhere)")
            },
            ..Setting::USUAL
        }
        /// How many standard deviations of all logits a token's may be below the largest; 0 or less means any.
        top_n_sigma: f32 => Option<f32> {
            used: "How many standard deviations of all logits a token's might be below the largest.",
            domain: Domain::Number(Interval::ANY),
            neutral: Neutral::UpTo(0.0),
            description: "How many standard deviations of all logits a token's may be below the largest; 0 or less means any.",
            flag: Flag {
                also: &["top-nsigma"],
                ..Flag::new("top-n-sigma", "N", "Keep tokens whose logits are at most N standard deviations below the largest (0: all)")
            },
            ..Setting::USUAL
        }
        /// Probability mass of the tokens that stay, those whose information is nearest to the entropy; 1 means all.
        typical_p: f32 => Option<f32> {
            used: "Probability mass of the tokens that stayed, those whose information is nearest to the entropy.",
            aliases: &["typ_p"],
            domain: Domain::Number(Interval::from_zero().up_to(1.0)),
            neutral: Neutral::Is(1.0),
            description: "Probability mass of the tokens that stay, those whose information is nearest to the entropy; 1 means all.",
            flag: Flag {
                also: &["typical"],
                ..Flag::new("typical-p", "P", "Keep the tokens most typical by their information that together have probability P (1: all)")
            },
            ..Setting::USUAL
        }
        /// XTC: the chance that all top choices but the least likely one are left out; 0 turns it off.
        xtc_probability: f32 => Option<f32> {
            used: "XTC: the chance that all top choices but the least likely one were left out.",
            domain: Domain::Number(Interval::from_zero().up_to(1.0)),
            neutral: Neutral::Is(0.0),
            description: "XTC: the chance that all top choices but the least likely one are left out; 0 turns it off.",
            flag: Flag::new("xtc-probability", "P", "XTC: leave out all top choices but the least likely one, with a chance of P (0: off)"),
            ..Setting::USUAL
        }
        /// XTC: the least probability of a top choice; above 0.5 there is none.
        xtc_threshold: f32 => Option<f32> {
            used: "XTC: the least probability of a top choice; 0.1 where nothing is said.",
            domain: Domain::Number(Interval::from_zero().up_to(1.0)),
            neutral: Neutral::Is(0.1),
            description: "XTC: the least probability of a top choice; above 0.5 there is none.",
            flag: Flag::new("xtc-threshold", "P", "XTC: count tokens of at least probability P as top choices (default: 0.1)"),
            ..Setting::USUAL
        }
        /// How far the temperature moves up and down with the entropy; 0 keeps it.
        dynatemp_range: f32 => Option<f32> {
            used: "How far the temperature moved up and down with the entropy.",
            domain: Domain::Number(Interval::from_zero()),
            neutral: Neutral::Is(0.0),
            description: "How far the temperature moves up and down with the entropy; 0 keeps it.",
            flag: Flag::new("dynatemp-range", "T", "Let the temperature follow the entropy, up to T higher or lower (0: off)"),
            ..Setting::USUAL
        }
        /// The exponent of the share of the greatest entropy that the temperature follows.
        dynatemp_exponent: f32 => Option<f32> {
            used: "The exponent of the share of the greatest entropy that the temperature followed; 1 where nothing is said.",
            domain: Domain::Number(Interval::from_zero()),
            neutral: Neutral::Is(1.0),
            description: "The exponent of the share of the greatest entropy that the temperature follows.",
            flag: Flag {
                also: &["dynatemp-exponent"],
                ..Flag::new("dynatemp-exp", "X", "Let the temperature follow the share of the greatest entropy to the power of X (default: 1)")
            },
            ..Setting::USUAL
        }
        /// The version of mirostat, which replaces all samplers but the temperature; 0 turns it off.
        mirostat: i64 => Option<i64> {
            used: "The version of mirostat, which replaced all samplers but the temperature.",
            domain: Domain::UpTo(2),
            neutral: Neutral::Is(0.0),
            description: "The version of mirostat, which replaces all samplers but the temperature; 0 turns it off.",
            flag: Flag::new("mirostat", "VERSION", "Use mirostat 1 or 2 instead of all samplers but the temperature (0: off)"),
            ..Setting::USUAL
        }
        /// Mirostat: the surprise that is aimed at, in bits.
        mirostat_tau: f32 => Option<f32> {
            used: "Mirostat: the surprise that was aimed at, in bits; 5 where nothing is said.",
            domain: Domain::Number(Interval::from_zero()),
            neutral: Neutral::Is(5.0),
            description: "Mirostat: the surprise that is aimed at, in bits.",
            flag: Flag {
                also: &["mirostat-tau"],
                ..Flag::new("mirostat-ent", "TAU", "Mirostat: aim at a surprise of TAU bits a token (default: 5)")
            },
            ..Setting::USUAL
        }
        /// Mirostat: how fast it follows, as a share of the error.
        mirostat_eta: f32 => Option<f32> {
            used: "Mirostat: how fast it followed, as a share of the error; 0.1 where nothing is said.",
            domain: Domain::Number(Interval::from_zero()),
            neutral: Neutral::Is(0.1),
            description: "Mirostat: how fast it follows, as a share of the error.",
            flag: Flag {
                also: &["mirostat-eta"],
                ..Flag::new("mirostat-lr", "ETA", "Mirostat: correct by ETA times the error with each token (default: 0.1)")
            },
            ..Setting::USUAL
        }
        /// Adaptive-p: the probability that chosen tokens are to have on average; below 0 it is off.
        adaptive_target: f32 => Option<f32> {
            used: "Adaptive-p: the probability that chosen tokens were to have on average.",
            domain: Domain::Number(Interval::ANY.up_to(1.0)),
            neutral: Neutral::Below(0.0),
            description: "Adaptive-p: the probability that chosen tokens are to have on average; below 0 it is off.",
            flag: Flag::new("adaptive-target", "P", "Adaptive-p: prefer tokens of about probability P, after all other samplers (-1: off)"),
            ..Setting::USUAL
        }
        /// Adaptive-p: how much of the past it keeps with each token.
        adaptive_decay: f32 => Option<f32> {
            used: "Adaptive-p: how much of the past it kept with each token; 0.9 where nothing is said.",
            domain: Domain::Number(Interval::from_zero().up_to(0.99)),
            neutral: Neutral::Is(0.9),
            description: "Adaptive-p: how much of the past it keeps with each token.",
            flag: Flag::new("adaptive-decay", "X", "Adaptive-p: keep X of the past with each token (default: 0.9)"),
            ..Setting::USUAL
        }
        /// How many tokens top-p, min-p, typical sampling and XTC leave at least.
        min_keep: i64 => Option<i64> {
            used: "How many tokens top-p, min-p, typical sampling and XTC left at least.",
            domain: Domain::AtLeast(0),
            neutral: Neutral::UpTo(0.0),
            description: "How many tokens top-p, min-p, typical sampling and XTC leave at least.",
            flag: Flag::new("min-keep", "N", "Keep at least N tokens in top-p, min-p, typical sampling and XTC"),
            ..Setting::USUAL
        }
        /// The samplers in their order; the others are not used.
        samplers: Vec<SamplerName> => Option<Vec<SamplerName>> {
            used: "The samplers in their order, where the request named them.",
            domain: Domain::Samplers,
            neutral: Neutral::Never,
            description: "The samplers in their order; the others are not used.",
            flag: Flag {
                also: &["sampler-seq"],
                ..Flag::new("samplers", "NAMES", "Use these samplers in this order, separated by semicolons (default: all but the last of penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature, adaptive_p, in this order)")
            },
            ..Setting::USUAL
        }
        /// What is added to the logits of tokens: an object of token ids, or a list of pairs of an id or a text with a number; `false` bans a token.
        logit_bias: LogitBias => Option<LogitBias> {
            used: "What was added to the logits of tokens; `false` bans one.",
            domain: Domain::Biases,
            neutral: Neutral::Never,
            description: "What is added to the logits of tokens: an object of token ids, or a list of pairs of an id or a text with a number; `false` bans a token.",
            is_idle_when_greedy: false,
            flag: Flag::new("logit-bias", "TOKEN", "Add to a token's logit: ID+BIAS or ID-BIAS, or TEXT=BIAS for each token of a text (TEXT=-inf: ban it); may be given several times"),
            ..Setting::USUAL
        }
        /// Whether tokens that would end the answer never come.
        ignore_eos: bool => Option<bool> {
            used: "Whether tokens that would have ended the answer never came.",
            domain: Domain::Switch,
            neutral: Neutral::Is(0.0),
            description: "Whether tokens that would end the answer never come.",
            is_idle_when_greedy: false,
            flag: Flag {
                alone: Some("on"),
                ..Flag::new("ignore-eos", "on|off", "Never let the model end the answer before its limit")
            },
            ..Setting::USUAL
        }
        /// Ids of tokens that never come.
        suppress_tokens: Vec<u32> => Option<Vec<u32>> {
            used: "Ids of tokens that never came, where the request or the model's files name any.",
            domain: Domain::Ids,
            neutral: Neutral::Never,
            description: "Ids of tokens that never come.",
            is_idle_when_greedy: false,
            flag: Flag::new("suppress-tokens", "IDS", "Never let these tokens come, ids separated by commas"),
            ..Setting::USUAL
        }
        /// Ids of tokens that do not come first.
        begin_suppress_tokens: Vec<u32> => Option<Vec<u32>> {
            used: "Ids of tokens that did not come first, where the request or the model's files name any.",
            domain: Domain::Ids,
            neutral: Neutral::Never,
            description: "Ids of tokens that do not come first.",
            is_idle_when_greedy: false,
            flag: Flag::new("begin-suppress-tokens", "IDS", "Do not let these tokens come first, ids separated by commas"),
            ..Setting::USUAL
        }
        /// How many of the likeliest tokens are told beside each token of the answer, with the log-probabilities
        /// of all; `false` for none of this.
        logprobs: TopLogprobs => Option<TopLogprobs> {
            used: "How many of the likeliest tokens are told beside each, where that was asked for.",
            aliases: &["top_logprobs", "n_probs"],
            domain: Domain::Logprobs,
            description: "How many of the likeliest tokens are told beside each token of the answer, with the \
                          log-probabilities of all by the model itself; true is 0, `false` tells nothing.",
            is_idle_when_greedy: false,
            flag: Flag {
                also: &["top-logprobs", "n-probs"],
                ..Flag::new("logprobs", "N", "Tell the log-probability of each token of the answer, and of the N likeliest at its \
                       place: the model's own, before penalties, samplers and grammars (0 to 20; off: none of this)")
            },
            ..Setting::USUAL
        }
    }
}
