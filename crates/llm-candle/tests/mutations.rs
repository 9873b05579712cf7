//! A file that was changed: of each family's tiny model with one tensor more, of any
//! name that llama.cpp knows, or with one layer less in its numbers, either the
//! opening refuses it by name or the logits are others. Never is it taken and
//! nothing changes, since nobody would see that a part of the model is missing.
//!
//! `llm-engine`'s own tests do the same with folders and encoders.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use llm_engine::forward::Forward;
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_gguf::Gguf;
use llm_kernels::mmap::Mapping;
use llm_kernels::simd::Level;

use support::Model;
use support::gguf::Writer;
use support::measure::{identical, rms, worst};
use support::random::Random;
use support::tiny::Plan;
use support::tiny::plans::PLANS;
use support::ways::extend;

/// Tensors of a whole model in llama.cpp's `LLM_TENSOR_NAMES`, and those that
/// other programs' files have.
const WHOLE: &[&str] = &[
    "token_embd",
    "token_embd_norm",
    "token_types",
    "position_embd",
    "output",
    "output_norm",
    "rope_freqs",
    "rope_factors_long",
    "rope_factors_short",
    "cls",
    "cls.norm",
    "cls.output",
    "dense_2",
    "dense_3",
    "per_layer_token_embd",
    "per_layer_model_proj",
    "per_layer_proj_norm",
    "altup_proj",
    "altup_unembd_proj",
    "enc.output_norm",
    "dec.output_norm",
    "output_hc_base",
    "output_hc_scale",
    "nextn.pre_projection",
    "nextn.post_projection",
    "conv1d",
    "output_extra_norm",
];

/// The same of a layer.
const OF_LAYER: &[&str] = &[
    "attn_norm",
    "attn_norm_2",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_qkv",
    "attn_kv",
    "attn_output",
    "attn_output_norm",
    "attn_q_norm",
    "attn_k_norm",
    "attn_sinks",
    "attn_gate",
    "attn_rot_embd",
    "attn_sub_norm",
    "attn_rel_b",
    "attn_q_a",
    "attn_q_b",
    "attn_q_a_norm",
    "attn_kv_a_mqa",
    "attn_kv_a_norm",
    "attn_kv_b",
    "attn_k_b",
    "attn_v_b",
    "post_attention_norm",
    "ffn_norm",
    "ffn_norm_exps",
    "ffn_sub_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
    "ffn.act",
    "post_ffw_norm",
    "post_ffw_norm_1",
    "post_ffw_norm_2",
    "pre_ffw_norm_2",
    "post_norm",
    "ffn_gate_inp",
    "ffn_gate_inp_shexp",
    "ffn_gate_exps",
    "ffn_up_exps",
    "ffn_down_exps",
    "ffn_gate_up_exps",
    "ffn_gate_shexp",
    "ffn_up_shexp",
    "ffn_down_shexp",
    "ffn_gate_chexps",
    "ffn_up_chexps",
    "ffn_down_chexps",
    "ffn_gate.0",
    "ffn_up.0",
    "ffn_down.0",
    "exp_probs_b",
    "layer_output_norm",
    "layer_output_scale",
    "inp_gate",
    "proj",
    "ssm_in",
    "ssm_conv1d",
    "ssm_x",
    "ssm_dt",
    "ssm_dt_norm",
    "ssm_a",
    "ssm_b_norm",
    "ssm_c_norm",
    "ssm_d",
    "ssm_norm",
    "ssm_out",
    "ssm_ba",
    "ssm_alpha",
    "ssm_beta",
    "nextn.eh_proj",
    "nextn.embed_tokens",
    "nextn.enorm",
    "nextn.hnorm",
    "nextn.shared_head_head",
    "nextn.shared_head_norm",
    "time_mix_key",
    "channel_mix_key",
    "shortconv.conv",
    "laurel_l",
    "altup_router",
    "indexer.attn_k",
    "vis_attn_qkv",
    "cross_attn_q",
];

/// What a name ends with: a tensor's own numbers, what is added to its product,
/// and the scales of quantized ones.
const ENDINGS: &[&str] = &["", ".weight", ".bias", ".scale", ".input_scale"];

/// The largest difference of both passes' logits, by their size: many times what
/// their roundings make, and far below what a tensor of this size does.
const BOUND: f32 = 1e-3;

/// Tokens that every model is given.
const LENGTH: usize = 12;

/// A file in memory.
fn open(bytes: &[u8]) -> Gguf {
    let mapping = Mapping::anonymous(bytes.len(), |image| image.copy_from_slice(bytes)).unwrap();
    Gguf::from_mapping("mutated.gguf", mapping).unwrap()
}

/// Opens a model as the programs do.
fn model(gguf: &Gguf) -> Result<Model, String> {
    let spec = Spec::from_gguf(gguf, Some(256)).map_err(|error| error.to_string())?;
    let weights = Weights::from_gguf(gguf, &spec).map_err(|error| error.to_string())?;
    Ok(Model {
        spec: Arc::new(spec),
        weights: Arc::new(weights),
    })
}

/// The logits of a few tokens.
fn logits(pass: &mut dyn Forward, plan: &Plan) -> Vec<f32> {
    let tokens = Random(7).tokens(LENGTH, plan.vocabulary);
    let sequence = pass.sequences_mut().start();
    extend(pass, sequence, &tokens)
}

fn cpu(model: &Model, plan: &Plan) -> Vec<f32> {
    let mut pass = model.cpu::<f32>(1, Level::detect().unwrap());
    logits(&mut pass, plan)
}

/// Shapes that a tensor could have, the fastest-running extent first: those of the
/// tensor that it belongs to, and what its name means in any family.
fn shapes(base: &Gguf, plan: &Plan, stem: &str, ending: &str) -> Vec<Vec<usize>> {
    let of = |name: &str| {
        let tensor = base.tensor(&format!("{name}.weight"))?;
        Some(
            tensor
                .shape
                .iter()
                .map(|&extent| extent as usize)
                .collect::<Vec<_>>(),
        )
    };
    let hidden_size = plan.hidden_size;
    let experts = plan.experts.map_or(4, |experts| experts.count);
    let part = stem.rsplit('.').next().unwrap_or(stem);
    let heads = plan.heads.max(1);
    let (queries, keys) = (heads * plan.head_dim, plan.kv_heads * plan.head_dim);
    let usual = match (part, ending) {
        (_, ".scale" | ".input_scale") if part == "ffn_down_exps" => vec![experts],
        (_, ".scale" | ".input_scale") | ("layer_output_scale", _) => vec![1],
        ("exp_probs_b", _) => vec![experts],
        ("attn_qkv", ".weight") => vec![hidden_size, queries + 2 * keys],
        ("attn_sinks", _) => vec![heads],
        ("attn_q_norm" | "attn_k_norm", ".weight") => vec![plan.head_dim],
        ("rope_freqs" | "rope_factors_long" | "rope_factors_short", _) => vec![plan.rope_dim / 2],
        ("output" | "token_embd", ".weight") => vec![hidden_size, plan.vocabulary],
        ("output" | "token_embd", _) => vec![plan.vocabulary],
        _ => vec![hidden_size],
    };
    let own = of(stem).map(|shape| match (ending, shape.len()) {
        (".bias", 2..) => shape[1..].to_vec(),
        _ => shape,
    });
    let mut shapes = vec![usual];
    shapes.extend(own);
    shapes.dedup();
    shapes
}

/// Adds a tensor of random numbers.
fn add(file: &Writer, name: &str, shape: &[usize]) -> Vec<u8> {
    let mut file = file.clone();
    let numbers = Random(3).normals(shape.iter().product(), 0.7, 0.5);
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    file.tensor(name, shape, 0, &bytes);
    file.finish()
}

/// What is left out knowingly: llama.cpp reads these too and computes nothing with
/// them.
fn is_left_out(spec: &Spec, name: &str) -> bool {
    let long_and_short = ["rope_factors_long.weight", "rope_factors_short.weight"];
    let keys = ["attn_k.weight", "attn_v.weight", "attn_k_norm.weight"];
    let layer = name
        .strip_prefix("blk.")
        .and_then(|rest| rest.split_once('.'));
    let shares = layer.is_some_and(|(number, part)| {
        let index: usize = number.parse().unwrap();
        let layer = spec.layers.get(index);
        layer.is_some_and(|layer| layer.kv_source_layer.is_some()) && keys.contains(&part)
    });
    shares || long_and_short.contains(&name) && long_and_short.contains(&spec.rope_factors)
}

#[test]
fn one_tensor_more_is_refused_by_name_or_changes_the_logits() {
    let (mut refused, mut changed) = (0, 0);
    for (name, plan) in PLANS {
        let writer = plan.writer(2);
        let base = open(&writer.clone().finish());
        let whole = model(&base).unwrap();
        let expected = cpu(&whole, &plan);
        let layers = [0, plan.layers - 1, plan.layers];
        let of_layers = layers.into_iter().flat_map(|layer| {
            let name = move |part: &&str| format!("blk.{layer}.{part}");
            OF_LAYER.iter().map(name)
        });
        let stems: Vec<String> = WHOLE
            .iter()
            .map(|&it| it.to_owned())
            .chain(of_layers)
            .collect();
        for (stem, ending) in stems
            .iter()
            .flat_map(|stem| ENDINGS.iter().map(move |it| (stem, it)))
        {
            let added = format!("{stem}{ending}");
            if base.tensor(&added).is_some() || is_left_out(&whole.spec, &added) {
                continue;
            }
            for shape in shapes(&base, &plan, stem, ending) {
                let what = format!("{name}: '{added}' of {shape:?}");
                match model(&open(&add(&writer, &added, &shape))) {
                    Err(told) => {
                        // Where two say the same, the one that is not read is named.
                        assert!(told.contains("the tensor"), "{what}: {told}");
                        assert!(
                            told.contains('\'') && !told.contains('\n'),
                            "{what}: {told}"
                        );
                        refused += 1;
                    }
                    Ok(mutated) => {
                        let found = cpu(&mutated, &plan);
                        assert!(!identical(&found, &expected), "{what}: nothing changes");
                        // And the other pass computes it too.
                        let judged = logits(&mut mutated.judge(), &plan);
                        let difference = worst(&found, &judged);
                        assert!(
                            difference < BOUND * (1.0 + rms(&found)),
                            "{what}: {difference}"
                        );
                        changed += 1;
                    }
                }
            }
        }
    }
    println!("{refused} refused, {changed} with other logits");
    assert!(refused > 10_000 && changed > 100);
}

#[test]
fn one_layer_less_in_the_numbers_is_refused() {
    for (name, plan) in PLANS {
        let mut bytes = plan.file(2);
        let key = format!("{}.block_count", plan.family);
        let at = bytes
            .windows(key.len())
            .position(|part| part == key.as_bytes());
        // The value's type stands between.
        let value = at.unwrap() + key.len() + 4;
        let fewer = u32::try_from(plan.layers - 1).unwrap();
        bytes[value..value + 4].copy_from_slice(&fewer.to_le_bytes());
        let told = model(&open(&bytes)).map(|_| ()).unwrap_err();
        let last = format!("'blk.{fewer}.");
        let is_counted = told.contains(&last) && told.contains("block_count");
        // Gemma's vectors for each layer lie in one tensor.
        let is_too_long = plan.varied.is_some() && told.contains("'per_layer_token_embd.weight'");
        assert!(is_counted || is_too_long, "{name}: {told}");
    }
}

/// The same from the file's name on, and that the names above are told: a list of
/// them that was misspelt would be refused as well.
#[test]
fn what_is_added_is_named() {
    let (_, plan) = &PLANS[0];
    let told = |name: &str, shape: &[usize]| {
        let opened = model(&open(&add(&plan.writer(2), name, shape)));
        opened.map(|_| ()).unwrap_err()
    };
    for name in [
        "blk.1.attn_norm.bias",
        "token_embd_norm.weight",
        "blk.0.attn_norm.scale",
    ] {
        let told = told(name, &[plan.hidden_size]);
        assert!(told.contains(&format!("the tensor '{name}'")), "{told}");
        assert!(told.contains("'llama'"), "{told}");
    }
    let path = PathBuf::from("blk.3.attn_norm.weight");
    let told = told(path.to_str().unwrap(), &[plan.hidden_size]);
    assert!(
        told.contains("3 layers") && told.contains("'blk.3.attn_norm.weight'"),
        "{told}"
    );
}
