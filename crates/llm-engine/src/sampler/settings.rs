//! How a token is chosen: the numbers of each step, and their order.

use super::dry::Dry;

/// A step of the sampler, by llama.cpp's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Repeat, frequency and presence penalty.
    Penalties,
    /// DRY.
    Dry,
    /// Top-nσ.
    TopNSigma,
    /// Top-k.
    TopK,
    /// Locally typical sampling.
    TypP,
    /// Top-p.
    TopP,
    /// Min-p.
    MinP,
    /// XTC.
    Xtc,
    /// Temperature, which may be dynamic.
    Temperature,
    /// Adaptive-p, the last one wherever it stands.
    AdaptiveP,
}

impl Step {
    /// The order where a request names none, llama.cpp's. Adaptive-p is at the
    /// end for those who set its target; llama.cpp has to be told of it.
    pub const USUAL: [Self; 10] = [
        Self::Penalties,
        Self::Dry,
        Self::TopNSigma,
        Self::TopK,
        Self::TypP,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Temperature,
        Self::AdaptiveP,
    ];

    /// Returns the step of a name as llama.cpp takes it: in letters of any size,
    /// with hyphens or without the low lines, by a few short names.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut plain = name.trim().to_ascii_lowercase();
        plain.retain(|letter| !matches!(letter, '_' | '-'));
        Some(match &plain[..] {
            "penalties" => Self::Penalties,
            "dry" => Self::Dry,
            "topnsigma" => Self::TopNSigma,
            "topk" => Self::TopK,
            "typp" | "typ" => Self::TypP,
            "topp" | "nucleus" => Self::TopP,
            "minp" => Self::MinP,
            "xtc" => Self::Xtc,
            "temperature" | "temp" => Self::Temperature,
            "adaptivep" => Self::AdaptiveP,
            _ => return None,
        })
    }
}

/// A version of mirostat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirostatVersion {
    /// Estimates from the best tokens how many to draw from.
    V1,
    /// Draws from those that are not too surprising.
    V2,
}

/// How a token is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the best token always, after biases and
    /// penalties and no other step.
    pub temperature: f32,
    /// How far the temperature moves up and down with the entropy; 0 keeps it.
    pub dynatemp_range: f32,
    /// The exponent of the share of the greatest entropy that it follows.
    pub dynatemp_exponent: f32,
    /// Keeps the k best tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest best tokens whose probabilities reach this sum; 1
    /// keeps all.
    pub top_p: f32,
    /// Keeps tokens of at least this share of the best one's probability; 0
    /// keeps all.
    pub min_p: f32,
    /// Keeps tokens whose information is nearest to the entropy, up to this sum
    /// of their probabilities; 1 keeps all.
    pub typical_p: f32,
    /// Keeps tokens whose logit is at most so many standard deviations below
    /// the largest; 0 or less keeps all.
    pub top_n_sigma: f32,
    /// The chance that XTC leaves out the top choices; 0 never does.
    pub xtc_probability: f32,
    /// The least probability of a top choice.
    pub xtc_threshold: f32,
    /// The fewest tokens that top-p, min-p, typical sampling and XTC leave.
    pub min_keep: usize,
    /// Divides the logits of repeated tokens, or multiplies negative ones; 1
    /// does nothing.
    pub repeat_penalty: f32,
    /// Is subtracted from the logits of repeated tokens.
    pub presence_penalty: f32,
    /// Is subtracted from the logits of repeated tokens, for each time.
    pub frequency_penalty: f32,
    /// How many last tokens count as repeated.
    pub repeat_last_n: usize,
    /// The penalty on the next token of a sequence that is repeated.
    pub dry: Dry,
    /// Replaces all steps but the temperature.
    pub mirostat: Option<MirostatVersion>,
    /// The surprise that mirostat aims at, in bits.
    pub mirostat_tau: f32,
    /// How fast mirostat follows, as a share of the error.
    pub mirostat_eta: f32,
    /// The probability that adaptive-p aims at; below 0 it does nothing.
    pub adaptive_target: f32,
    /// How much of the past adaptive-p keeps with each token.
    pub adaptive_decay: f32,
    /// Tokens with what is added to their logits; -∞ bans one.
    pub logit_bias: Vec<(u32, f32)>,
    /// Tokens that never come, as transformers has them.
    pub suppress_tokens: Vec<u32>,
    /// Tokens that do not come first.
    pub begin_suppress_tokens: Vec<u32>,
    /// The steps in their order, [`Step::USUAL`] where there is none.
    pub samplers: Vec<Step>,
}

impl Sampling {
    /// Takes the best token always. What is off without a number has
    /// llama.cpp's default.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        dynatemp_range: 0.0,
        dynatemp_exponent: 1.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        typical_p: 1.0,
        top_n_sigma: -1.0,
        xtc_probability: 0.0,
        xtc_threshold: 0.1,
        min_keep: 0,
        repeat_penalty: 1.0,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        repeat_last_n: 64,
        dry: Dry::OFF,
        mirostat: None,
        mirostat_tau: 5.0,
        mirostat_eta: 0.1,
        adaptive_target: -1.0,
        adaptive_decay: 0.9,
        logit_bias: Vec::new(),
        suppress_tokens: Vec::new(),
        begin_suppress_tokens: Vec::new(),
        samplers: Vec::new(),
    };

    /// Returns whether the best token is always taken.
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }

    /// Forgets suppressed tokens that a vocabulary of this size does not have.
    pub fn forget_ids_from(&mut self, vocabulary: usize) {
        for ids in [&mut self.suppress_tokens, &mut self.begin_suppress_tokens] {
            ids.retain(|id| (*id as usize) < vocabulary);
        }
    }

    /// Returns the steps in their order. Mirostat takes none of them, unless
    /// the choice is greedy.
    pub(super) fn steps(&self) -> &[Step] {
        match &self.samplers[..] {
            _ if self.mirostat.is_some() && !self.is_greedy() => &[],
            [] => &Step::USUAL,
            named => named,
        }
    }

    /// Returns whether a step, if it is taken, has any effect.
    pub(super) fn does(&self, step: Step) -> bool {
        match step {
            Step::Penalties => {
                let is_neutral = self.repeat_penalty == 1.0
                    && self.presence_penalty == 0.0
                    && self.frequency_penalty == 0.0;
                !is_neutral && self.repeat_last_n > 0
            }
            Step::Dry => self.dry.is_on(),
            Step::TopNSigma => self.top_n_sigma > 0.0,
            Step::TopK => self.top_k > 0,
            Step::TypP => self.typical_p < 1.0,
            Step::TopP => self.top_p < 1.0,
            Step::MinP => self.min_p > 0.0,
            Step::Xtc => self.xtc_probability > 0.0 && self.xtc_threshold <= 0.5,
            Step::Temperature => true,
            Step::AdaptiveP => self.adaptive_target >= 0.0,
        }
    }

    /// Returns whether biases or penalties may change which logits are the
    /// largest: for the first token of an answer or for a later one.
    pub(super) fn changes_logits(&self, is_first: bool) -> bool {
        let is_penalty = |step: &Step| matches!(step, Step::Penalties | Step::Dry);
        let mut steps = self.steps().iter();
        !self.logit_bias.is_empty()
            || !self.suppress_tokens.is_empty()
            || is_first && !self.begin_suppress_tokens.is_empty()
            || steps.any(|step| is_penalty(step) && self.does(*step))
    }

    /// Returns whether a step looks at how many tokens there are, those
    /// included that have a logit of -∞.
    pub(super) fn counts_masked(&self) -> bool {
        self.dynatemp_range > 0.0 || self.min_keep > 0
    }
}
