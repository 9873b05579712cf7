//! Ways to compute the same logits with one pass. Whatever the way, a
//! position's logits depend on the tokens before it and on nothing else.

use llm_engine::cache::SequenceId;
use llm_engine::forward::{Forward, Input, Outputs};

/// Pass, tokens → logits of all positions, (tokens, vocabulary).
pub(crate) type Compute = fn(&mut dyn Forward, &[u32]) -> Vec<f32>;

/// A way's name and its function.
pub(crate) type Way = (&'static str, Compute);

/// The first is the plain one: everything at once.
pub(crate) const WAYS: [Way; 7] = [
    ("at once", at_once),
    ("token by token", token_by_token),
    ("in chunks", in_chunks),
    ("after truncation", after_truncation),
    ("beside others", beside_others),
    ("forked", forked),
    ("after truncation within a call", after_truncation_within),
];

/// All ways on one thread and, on two, those that do not start a thousand
/// tiny parallel regions, which take long on a busy machine.
pub(crate) fn ways_and_threads() -> impl Iterator<Item = (&'static str, usize, Compute)> {
    let single = WAYS.into_iter().map(|(name, compute)| (name, 1, compute));
    let double = ["at once", "in chunks", "beside others"];
    let double = WAYS
        .into_iter()
        .filter(move |(name, _)| double.contains(name));
    single.chain(double.map(|(name, compute)| (name, 2, compute)))
}

/// Chunks that begin and end within blocks of the cache, at their ends, and
/// with a single token.
const CHUNKS: [usize; 6] = [5, 59, 1, 63, 9, 1];

/// Computes all logits of `tokens`, which continue `sequence`.
pub(crate) fn extend(pass: &mut dyn Forward, sequence: SequenceId, tokens: &[u32]) -> Vec<f32> {
    let outputs = Outputs::All;
    let mut logits = Vec::new();
    let input = Input {
        sequence,
        tokens,
        outputs,
        adapters: &[],
    };
    pass.forward(&[input], &mut logits).unwrap();
    logits
}

/// Tokens that differ from `tokens` everywhere.
fn others(pass: &dyn Forward, tokens: &[u32]) -> Vec<u32> {
    let vocabulary = pass.vocabulary() as u32;
    tokens
        .iter()
        .map(|token| (token + 1) % vocabulary)
        .collect()
}

fn at_once(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let logits = extend(pass, sequence, tokens);
    pass.sequences_mut().end(sequence);
    logits
}

fn token_by_token(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let (mut logits, mut one) = (Vec::new(), Vec::new());
    for token in tokens.chunks(1) {
        let input = Input {
            sequence,
            tokens: token,
            outputs: Outputs::Last,
            adapters: &[],
        };
        pass.forward(&[input], &mut one).unwrap();
        logits.extend(&one);
    }
    assert_eq!(pass.sequences().length(sequence), Some(tokens.len()));
    pass.sequences_mut().end(sequence);
    logits
}

fn in_chunks(pass: &mut dyn Forward, mut tokens: &[u32]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let mut logits = Vec::new();
    for size in CHUNKS.into_iter().cycle() {
        let (chunk, rest) = tokens.split_at(size.min(tokens.len()));
        logits.extend(extend(pass, sequence, chunk));
        tokens = rest;
        if tokens.is_empty() {
            break;
        }
    }
    pass.sequences_mut().end(sequence);
    logits
}

/// Fills the cache with other tokens from the middle on, drops them, goes on.
fn after_truncation(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let half = tokens.len() / 2 - 3;
    let mut logits = extend(pass, sequence, &tokens[..half]);
    let other = others(pass, &tokens[half..]);
    extend(pass, sequence, &other);
    let kept = pass.sequences_mut().truncate(sequence, half);
    assert_eq!(
        (kept, pass.sequences().length(sequence)),
        (half, Some(half))
    );
    logits.extend(extend(pass, sequence, &tokens[half..]));
    pass.sequences_mut().end(sequence);
    logits
}

/// Goes back, twice, to where no call has ended: a pass that keeps states has
/// to compute some tokens again, the first time at least.
fn after_truncation_within(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let half = tokens.len() / 2 - 3;
    let mut logits = extend(pass, sequence, &tokens[..half + 20]);
    for _ in 0..2 {
        let kept = pass.sequences_mut().truncate(sequence, half);
        assert_eq!(pass.sequences().length(sequence), Some(kept));
        assert!(kept <= half);
        logits.truncate(kept * pass.vocabulary());
        logits.extend(extend(pass, sequence, &tokens[kept..]));
    }
    pass.sequences_mut().end(sequence);
    logits
}

/// Two other sequences in every batch, before and after, at other positions.
fn beside_others(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let [before, sequence, after] = [(); 3].map(|()| pass.sequences_mut().start());
    let other = others(pass, tokens);
    extend(pass, before, &other[..70]);
    let vocabulary = pass.vocabulary();
    let (mut logits, mut all) = (Vec::new(), Vec::new());
    for chunk in tokens.chunks(41) {
        let batch = [
            Input {
                sequence: before,
                tokens: &other[..1],
                outputs: Outputs::Last,
                adapters: &[],
            },
            Input {
                sequence,
                tokens: chunk,
                outputs: Outputs::All,
                adapters: &[],
            },
            Input {
                sequence: after,
                tokens: &other[..3],
                outputs: Outputs::None,
                adapters: &[],
            },
        ];
        pass.forward(&batch, &mut all).unwrap();
        assert_eq!(all.len(), (1 + chunk.len()) * vocabulary);
        logits.extend(&all[vocabulary..]);
    }
    for sequence in [before, sequence, after] {
        pass.sequences_mut().end(sequence);
    }
    logits
}

/// Continues a fork while its origin goes another way.
fn forked(pass: &mut dyn Forward, tokens: &[u32]) -> Vec<f32> {
    let origin = pass.sequences_mut().start();
    let shared = tokens.len() / 2 + 2;
    let mut logits = extend(pass, origin, &tokens[..shared]);
    let other = others(pass, &tokens[shared..]);
    extend(pass, origin, &other[..20]);
    let (fork, kept) = pass.sequences_mut().fork(origin, shared).unwrap();
    extend(pass, origin, &other[20..]);
    assert_eq!(
        (kept, pass.sequences().length(fork)),
        (shared, Some(shared))
    );
    logits.extend(extend(pass, fork, &tokens[shared..]));
    pass.sequences_mut().end(origin);
    pass.sequences_mut().end(fork);
    logits
}
