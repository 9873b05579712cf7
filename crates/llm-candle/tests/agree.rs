//! The CPU pass against the candle pass on tiny models with F32 weights, one
//! for each thing that a family can have. Without the noise of quantization a
//! wrong rotation, window or norm cannot hide; the last test shows that.
//!
//! Formats are in `formats`, whole models and llama.cpp's word in `real`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod support;

use std::sync::Arc;

use half::f16;
use llm_candle::{CandleForward, Device, Precision};
use llm_engine::family::Family;
use llm_engine::forward::{Forward, ForwardError, Input, Outputs};
use llm_engine::spec::{MixerSpec, Rope, Spec};
use llm_kernels::rope::RopeLayout;
use llm_kernels::simd::Level;
use llm_kernels::vector::Gate;

use support::measure::{identical, rms, rms_difference, worst};
use support::random::Random;
use support::tiny::plans::{LLAMA, PLANS};
use support::ways::{WAYS, extend, ways_and_threads};
use support::{Model, levels};

/// Positions: over two blocks of the cache and into a third.
const LENGTH: usize = 150;

/// The largest difference of a logit where logits have a root mean square of
/// about 3, with keys and values in F32. Measured: 5.3e-5.
const BOUND_F32: f32 = 1e-4;
/// The same with keys and values in F16, which hold 11 bits; of models with
/// experts the root of the mean square. Measured: 4.9e-2.
const BOUND_F16: f32 = 8e-2;
/// Whose router's scores lie so close together that a rounding of keys and values
/// chooses other experts from the first layer on: in f32 they are compared all the same.
const UNDECIDED: [&str; 1] = ["minimax-m2"];

fn tokens(model: &Model) -> Vec<u32> {
    Random(7).tokens(LENGTH, model.weights.vocabulary())
}

#[test]
fn every_way_agrees_with_the_judge_on_every_family() {
    for (name, plan) in PLANS {
        let model = plan.build(1);
        let tokens = tokens(&model);
        let expected = WAYS[0].1(&mut model.judge(), &tokens);
        let size = rms(&expected);
        assert!((1.0..10.0).contains(&size), "{name}: logits of size {size}");
        for level in levels() {
            let mut exact = model.cpu::<f32>(1, level);
            let mut halves = model.cpu::<f16>(1, level);
            for (way, compute) in WAYS {
                let exact = worst(&compute(&mut exact, &tokens), &expected);
                let halves = compute(&mut halves, &tokens);
                // Where a router is undecided, a rounding chooses another expert.
                let halves = match model.spec.experts {
                    Some(_) => rms_difference(&halves, &expected),
                    None => worst(&halves, &expected),
                };
                println!("{name}, {way}, {level:?}: f32 {exact:e}, f16 {halves:e}, of {size}");
                assert!(exact < BOUND_F32, "{name}, {way}, {level:?}: {exact}");
                let is_decided = !UNDECIDED.contains(&name);
                assert!(
                    !is_decided || halves < BOUND_F16,
                    "{name}, {way}, {level:?}: {halves}"
                );
            }
        }
    }
}

#[test]
fn the_judge_agrees_with_itself_whatever_the_way() {
    for (name, plan) in PLANS {
        let model = plan.build(2);
        let tokens = tokens(&model);
        let mut judge = model.judge();
        let expected = WAYS[0].1(&mut judge, &tokens);
        for (way, compute) in &WAYS[1..] {
            let difference = worst(&compute(&mut judge, &tokens), &expected);
            println!("{name}, {way}: {difference:e}");
            assert!(difference < BOUND_F32, "{name}, {way}: {difference}");
        }
    }
}

#[test]
fn the_last_output_is_the_last_of_all() {
    let model = LLAMA.build(3);
    let tokens = tokens(&model);
    let vocabulary = model.weights.vocabulary();
    let passes: [Box<dyn Forward>; 2] = [
        Box::new(model.judge()),
        Box::new(model.cpu::<f32>(1, Level::SCALAR)),
    ];
    for mut pass in passes {
        let sequence = pass.sequences_mut().start();
        let all = extend(&mut *pass, sequence, &tokens);
        let mut run = |outputs| {
            pass.sequences_mut().truncate(sequence, 0);
            let mut logits = vec![1.0];
            let input = Input {
                sequence,
                tokens: &tokens,
                outputs,
                adapters: &[],
            };
            pass.forward(&[input], &mut logits).unwrap();
            logits
        };
        assert!(run(Outputs::None).is_empty());
        let last = run(Outputs::Last);
        assert_eq!(last.len(), vocabulary);
        assert!(worst(&last, &all[(LENGTH - 1) * vocabulary..]) < BOUND_F32);
    }
}

#[test]
fn a_refused_batch_leaves_the_sequences_as_they_were() {
    let model = LLAMA.build(4);
    let tokens = tokens(&model);
    let mut judge = model.judge();
    let [sequence, ended] = [(); 2].map(|()| judge.sequences_mut().start());
    let expected = extend(&mut judge, sequence, &tokens);
    judge.sequences_mut().truncate(sequence, 60);
    judge.sequences_mut().end(ended);
    let outputs = Outputs::All;
    let input = Input {
        sequence,
        tokens: &tokens,
        outputs,
        adapters: &[],
    };
    let unknown = model.weights.vocabulary() as u32;
    for (other, expected) in [
        (
            Input {
                sequence,
                tokens: &[],
                outputs,
                adapters: &[],
            },
            ForwardError::RepeatedSequence,
        ),
        (
            Input {
                sequence: ended,
                tokens: &[1],
                outputs,
                adapters: &[],
            },
            ForwardError::UnknownSequence,
        ),
        (
            Input {
                sequence: ended,
                tokens: &[unknown],
                outputs,
                adapters: &[],
            },
            ForwardError::UnknownToken {
                token: unknown,
                vocabulary: unknown as usize,
            },
        ),
    ] {
        let mut logits = vec![1.0];
        assert_eq!(judge.forward(&[input, other], &mut logits), Err(expected));
        assert_eq!(judge.sequences().length(sequence), Some(60));
    }
    assert_eq!(judge.sequences_mut().fork(ended, 1), None);
    assert!(extend(&mut judge, sequence, &[]).is_empty());
    let rest = extend(&mut judge, sequence, &tokens[60..]);
    let vocabulary = model.weights.vocabulary();
    assert!(worst(&rest, &expected[60 * vocabulary..]) < BOUND_F32);
}

/// Weights that contradict the spec stand for a device that fails half-way.
#[test]
fn a_failing_device_is_an_error_and_changes_nothing() {
    let model = LLAMA.build(4);
    let mut spec = (*model.spec).clone();
    spec.layers[0].head_dim -= 1;
    let (spec, weights) = (Arc::new(spec), Arc::clone(&model.weights));
    let mut pass = CandleForward::new(spec, weights, Device::Cpu, Precision::Dense).unwrap();
    let sequence = pass.sequences_mut().start();
    let input = Input {
        sequence,
        tokens: &[1, 2],
        outputs: Outputs::All,
        adapters: &[],
    };
    let mut logits = vec![1.0];
    let error = pass.forward(&[input], &mut logits).unwrap_err();
    assert!(matches!(error, ForwardError::Device(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("the device cannot") && !text.contains('\n'),
        "{text}"
    );
    assert_eq!(
        (pass.sequences().length(sequence), logits.len()),
        (Some(0), 0)
    );
}

type Mistake = (&'static str, fn(&mut Spec));

fn rope(spec: &mut Spec, change: fn(&mut Rope)) {
    for layer in &mut spec.layers {
        layer.rope.iter_mut().for_each(change);
    }
}

/// Mistakes that only a model whose layers differ can show.
const VARIED: &[Mistake] = &[
    ("divisors for the other layers", |spec| {
        rope(spec, |rope| rope.divided = !rope.divided);
    }),
    ("a window's rotation", |spec| {
        spec.layers[0]
            .rope
            .iter_mut()
            .for_each(|rope| rope.dim += 2);
    }),
    ("a window", |spec| {
        spec.layers[0].window = spec.layers[0].window.map(|window| window + 1);
    }),
];

/// And one that only a model shows whose layers share keys.
const SHARING: &[Mistake] = &[("another layer's keys", |spec| {
    let at = spec.layers.len() - 2;
    spec.layers[at].kv_source_layer = Some(0);
})];

/// Mistakes that only a model with states shows, see `MixerSpec`.
const STATEFUL: &[Mistake] = &[("groups of heads", |spec| {
    if let Some(MixerSpec::Ssd(ssd)) = &mut spec.mixer
        && ssd.groups > 1
    {
        // Another split of what is as wide.
        ssd.state_dim *= ssd.groups;
        ssd.groups = 1;
    }
})];

/// Returns whether a model has what a mistake is about.
fn has(spec: &Spec, mistake: &str) -> bool {
    let rotates = spec.layers.iter().any(|layer| layer.rope.is_some());
    let steps = spec.layers.iter().any(|layer| layer.intermediate_size > 0);
    match mistake {
        "rope base" | "rope factor" | "pairing" => rotates,
        // A head that is rotated whole has no more pairs.
        "a window's rotation" | "divisors for the other layers" => {
            let of_first = spec.layers[0].rope.map(|rope| rope.dim);
            of_first != Some(spec.layers[0].head_dim)
        }
        "attention scale" => spec.layers.iter().any(|layer| layer.attends),
        // Weights say by themselves what a step without a gate has in its place.
        "gate" => steps && spec.family.ungated.is_none(),
        "groups of heads" => matches!(spec.mixer, Some(MixerSpec::Ssd(ssd)) if ssd.groups > 1),
        _ => true,
    }
}

/// Keeps the bounds honest: each of these mistakes, made in one of the two
/// passes, moves logits by over a hundred times the bound.
#[test]
fn a_mistake_in_any_number_is_noticed() {
    fn family(spec: &mut Spec, change: fn(&mut Family)) {
        let mut family = *spec.family;
        change(&mut family);
        spec.family = Box::leak(Box::new(family));
    }
    let common: &[Mistake] = &[
        ("rope base", |spec| rope(spec, |rope| rope.base *= 1.01)),
        ("rope factor", |spec| rope(spec, |rope| rope.factor *= 0.5)),
        ("norm epsilon", |spec| spec.norm_epsilon = 0.1),
        ("attention scale", |spec| spec.attention_scale *= 1.01),
        ("pairing", |spec| {
            spec.rope_layout = match spec.rope_layout {
                RopeLayout::Adjacent => RopeLayout::Halves,
                RopeLayout::Halves => RopeLayout::Adjacent,
            };
        }),
        ("gate", |spec| {
            family(spec, |family| {
                family.gate = match family.gate {
                    Gate::Silu | Gate::SiluClamped => Gate::GeluTanh,
                    Gate::GeluTanh => Gate::Silu,
                };
            });
        }),
        ("embedding scale", |spec| spec.embedding_scale *= 1.5),
    ];
    let capped: &[Mistake] = &[
        ("window", |spec| spec.layers[0].window = Some(101)),
        ("no window", |spec| spec.layers[6].window = None),
        ("attention soft cap", |spec| spec.attention_soft_cap = None),
        ("logit soft cap", |spec| spec.logit_soft_cap = None),
    ];
    for (name, plan) in PLANS {
        let model = plan.build(5);
        let tokens = tokens(&model);
        let mut cpu = model.cpu::<f32>(2, Level::detect().unwrap());
        let expected = WAYS[0].1(&mut cpu, &tokens);
        let more = if plan.capped { capped } else { &[] };
        let shapes = plan.varied.map_or(&[][..], |_| VARIED);
        let shares = plan
            .varied
            .filter(|varied| varied.sharing > 0)
            .map_or(&[][..], |_| SHARING);
        let all = common.iter().chain(more).chain(shapes).chain(shares);
        let all = all.chain(STATEFUL);
        for (mistake, make) in all.filter(|(mistake, _)| has(&model.spec, mistake)) {
            let mut spec = (*model.spec).clone();
            make(&mut spec);
            let weights = Arc::clone(&model.weights);
            let wrong = CandleForward::new(Arc::new(spec), weights, Device::Cpu, Precision::Dense);
            let moved = worst(&WAYS[0].1(&mut wrong.unwrap(), &tokens), &expected);
            println!("{name}, {mistake}: {moved}");
            // A model whose layers step less moves by as much less.
            let noticed = 100.0 * BOUND_F32 * plan.step.min(1.0);
            assert!(moved > noticed, "{name}, {mistake}: {moved}");
        }
    }
}

#[test]
fn the_engine_repeats_itself_to_the_bit() {
    for (name, plan) in PLANS {
        let model = plan.build(6);
        let tokens = tokens(&model);
        for level in levels() {
            let expected = WAYS[0].1(&mut model.cpu::<f16>(1, level), &tokens);
            for (way, threads, compute) in ways_and_threads() {
                let logits = compute(&mut model.cpu::<f16>(threads, level), &tokens);
                let same = identical(&logits, &expected);
                assert!(same, "{name}, {way}, {threads} threads, {level:?}");
            }
        }
    }
}
