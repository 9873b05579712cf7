//! Tests of headers whose layers differ, and of those that cannot be.

use std::path::Path;
use std::sync::Arc;

use super::*;
use llm_gguf::{Gguf, TensorInfo, TensorType, Value};
use llm_kernels::mmap::Mapping;

/// Six layers as Gemma 4's small models have them, the last two of which use
/// the keys of others.
fn metadata() -> Metadata {
    let mut metadata = Metadata::default();
    let name = Value::String("gemma4".into());
    metadata.insert("general.architecture", name);
    for (key, size) in [
        ("block_count", 6),
        ("embedding_length", 64),
        ("context_length", 4096),
        ("attention.head_count", 4),
        ("attention.key_length", 32),
        ("attention.value_length", 32),
        ("attention.key_length_swa", 16),
        ("attention.value_length_swa", 16),
        ("attention.sliding_window", 20),
        ("attention.shared_kv_layers", 2),
        ("rope.dimension_count", 32),
        ("rope.dimension_count_swa", 12),
        ("embedding_length_per_layer_input", 12),
    ] {
        metadata.insert(format!("gemma4.{key}"), Value::Unsigned(size));
    }
    let epsilon = "gemma4.attention.layer_norm_rms_epsilon";
    metadata.insert(epsilon, Value::Float(1e-6));
    list(
        &mut metadata,
        "attention.head_count_kv",
        &[2, 1, 2, 1, 2, 1],
    );
    list(&mut metadata, "feed_forward_length", &[8, 8, 8, 8, 16, 16]);
    let windows = "attention.sliding_window_pattern";
    list(&mut metadata, windows, &[1, 0, 1, 0, 1, 0]);
    metadata
}

fn list(metadata: &mut Metadata, name: &str, numbers: &[i64]) {
    let numbers = numbers.iter().copied().collect();
    metadata.insert(format!("gemma4.{name}"), Value::Integers(numbers));
}

fn refusal(change: impl FnOnce(&mut Metadata)) -> String {
    let mut metadata = metadata();
    change(&mut metadata);
    Spec::from_metadata(&metadata).unwrap_err().to_string()
}

#[test]
fn each_layer_has_its_own_numbers() {
    let spec = Spec::from_metadata(&metadata()).unwrap();
    let rotated = |layer: &LayerSpec| layer.rope.map(|rope| (rope.dim, rope.divided));
    let [.., window, global] = &spec.layers[..] else {
        panic!("there are six layers");
    };
    assert_eq!(
        (
            window.window,
            window.kv_heads,
            window.head_dim,
            window.intermediate_size
        ),
        (Some(20), 2, 16, 16)
    );
    assert_eq!(
        (
            global.window,
            global.kv_heads,
            global.head_dim,
            global.intermediate_size
        ),
        (None, 1, 32, 16)
    );
    assert_eq!(rotated(window), Some((12, false)));
    assert_eq!(rotated(global), Some((32, true)));
    let shares: Vec<_> = spec
        .layers
        .iter()
        .map(|layer| layer.kv_source_layer)
        .collect();
    assert_eq!(shares, [None, None, None, None, Some(2), Some(3)]);
    assert_eq!(spec.layers[0].intermediate_size, 8);
    assert_eq!(
        (spec.attention_scale, spec.per_layer_embedding),
        (1.0, Some(12))
    );
}

/// A layer stores what it shares, whatever the file says of its own heads.
/// Of a family without windows, as folders of Mistral's first model have them.
#[test]
fn layers_that_are_listed_have_windows_in_any_family() {
    let mut llama = Metadata::default();
    llama.insert("general.architecture", Value::String("llama".to_owned()));
    for (key, size) in [
        ("block_count", 3),
        ("context_length", 64),
        ("embedding_length", 8),
        ("feed_forward_length", 8),
        ("attention.head_count", 2),
        ("attention.sliding_window", 20),
    ] {
        llama.insert(format!("llama.{key}"), Value::Unsigned(size));
    }
    let epsilon = "llama.attention.layer_norm_rms_epsilon";
    llama.insert(epsilon, Value::Float(1e-6));
    let windows = |metadata: &Metadata| -> Vec<_> {
        let spec = Spec::from_metadata(metadata).unwrap();
        spec.layers.iter().map(|layer| layer.window).collect()
    };
    assert_eq!(windows(&llama), [None; 3]);
    let pattern = [1, 0, 1].into_iter().collect();
    let key = "llama.attention.sliding_window_pattern";
    llama.insert(key, Value::Integers(pattern));
    assert_eq!(windows(&llama), [Some(20), None, Some(20)]);
}

#[test]
fn shared_keys_have_their_owners_heads() {
    let mut metadata = metadata();
    list(
        &mut metadata,
        "attention.head_count_kv",
        &[2, 1, 2, 1, 4, 4],
    );
    let spec = Spec::from_metadata(&metadata).unwrap();
    assert_eq!((spec.layers[4].kv_heads, spec.layers[5].kv_heads), (2, 1));
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let short = refusal(|metadata| list(metadata, "attention.head_count_kv", &[2, 1]));
    assert!(
        short.ends_with("head_count_kv has 2 numbers for 6 layers"),
        "{short}"
    );
    let none = refusal(|metadata| list(metadata, "feed_forward_length", &[8, 8, 0, 8, 8, 8]));
    assert!(none.ends_with("feed_forward_length is 0"), "{none}");
    let odd = refusal(|metadata| list(metadata, "attention.head_count_kv", &[2, 1, 3, 1, 2, 1]));
    assert!(odd.ends_with("4 query heads over 3 key heads"), "{odd}");
    let all = refusal(|metadata| {
        metadata.insert("gemma4.attention.shared_kv_layers", Value::Unsigned(6));
    });
    assert!(
        all.ends_with("layer 0 shares the keys of an earlier one, and none is like it"),
        "{all}"
    );
    let long = refusal(|metadata| {
        metadata.insert("gemma4.rope.dimension_count_swa", Value::Unsigned(18));
    });
    assert!(
        long.ends_with("18 rotated of 16 elements of a head"),
        "{long}"
    );
}

/// Heads of two lengths are two scales of the scores, where there are any.
#[test]
fn heads_of_two_lengths_are_refused_where_they_scale() {
    let mut other = Metadata::default();
    for (key, value) in metadata().iter() {
        other.insert(key.replace("gemma4", "gemma3"), value.clone());
    }
    let name = Value::String("gemma3".into());
    other.insert("general.architecture", name);
    let error = Spec::from_metadata(&other).unwrap_err();
    assert!(matches!(error, SpecError::Unsupported(_)), "{error}");
}

/// The published header of the 26B model: five layers with a window of 1024 to
/// one that sees everything.
#[test]
fn a_published_header_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ggml-vocab");
    let gguf = Gguf::open(&[folder.join("ggml-vocab-gemma-4.gguf")])
        .expect("scripts/fetch-test-models fetches the vocabularies");
    let spec = Spec::from_gguf(&gguf, None).unwrap();
    let heads = |layer: &LayerSpec| (layer.window, layer.kv_heads, layer.head_dim);
    assert_eq!(spec.layers.len(), 30);
    assert_eq!(heads(&spec.layers[4]), (Some(1024), 8, 256));
    assert_eq!(heads(&spec.layers[5]), (None, 2, 512));
    let bases = [4, 5].map(|layer| spec.layers[layer].rope.map(|rope| rope.base));
    assert_eq!(bases, [Some(10_000.0), Some(1_000_000.0)]);
    let experts = spec.layer_experts(0).unwrap();
    assert_eq!(
        (experts.count, experts.used, experts.intermediate_size),
        (128, 8, 704)
    );
    assert_eq!(
        (spec.layers[0].intermediate_size, spec.per_layer_embedding),
        (2112, None)
    );
}

/// Values of every type but the one that `right` is of.
fn others(right: &Value) -> Vec<Value> {
    let kind = std::mem::discriminant(right);
    let all = [
        Value::Unsigned(3),
        Value::Float(2.5),
        Value::Bool(true),
        Value::String("3".into()),
        Value::Integers([3, 4].into_iter().collect()),
        Value::Floats([3.0].into_iter().collect()),
        Value::Strings(["3"].into_iter().collect()),
    ];
    let others = all.into_iter();
    others
        .filter(|it| std::mem::discriminant(it) != kind)
        .collect()
}

/// What a key may be in every family, beside those of Gemma 4.
fn further() -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.into());
    vec![
        ("rope.freq_base", Value::Float(1e4)),
        ("rope.freq_base_swa", Value::Float(1e4)),
        ("rope.scaling.factor", Value::Float(2.0)),
        ("rope.scaling.type", text("yarn")),
        ("rope.scaling.attn_factor", Value::Float(1.0)),
        ("rope.scaling.original_context_length", Value::Unsigned(64)),
        ("rope.scaling.yarn_beta_fast", Value::Float(32.0)),
        ("rope.scaling.yarn_beta_slow", Value::Float(1.0)),
        ("rope.scaling.yarn_log_multiplier", Value::Float(0.1)),
        ("rope.scaling.yarn_truncate", Value::Bool(false)),
        ("rope.scaling.finetuned", Value::Bool(true)),
        ("rope.pairing", text("halves")),
        ("attention.causal", Value::Bool(true)),
        ("attention.scale", Value::Float(0.5)),
        ("attention.temperature_scale", Value::Float(0.1)),
        ("attention.temperature_length", Value::Unsigned(64)),
        ("attn_logit_softcapping", Value::Float(50.0)),
        ("final_logit_softcapping", Value::Float(30.0)),
        ("embedding_scale", Value::Float(2.0)),
        ("residual_scale", Value::Float(2.0)),
        ("logit_scale", Value::Float(2.0)),
        ("nextn_predict_layers", Value::Unsigned(0)),
        ("expert_count", Value::Unsigned(4)),
        ("expert_used_count", Value::Unsigned(2)),
        ("expert_feed_forward_length", Value::Unsigned(8)),
        ("expert_shared_count", Value::Unsigned(1)),
        ("expert_gating_func", Value::Unsigned(2)),
        ("expert_weights_norm", Value::Bool(true)),
        ("expert_weights_scale", Value::Float(2.5)),
        ("expert_group_count", Value::Unsigned(2)),
        ("expert_group_used_count", Value::Unsigned(1)),
        ("expert_group_best", Value::Unsigned(1)),
        ("leading_dense_block_count", Value::Unsigned(1)),
    ]
}

/// A number as text, a flag as a number or a size as a list is named, and is never
/// as good as absent.
#[test]
fn a_key_of_another_type_is_refused_by_name() {
    let mut whole = metadata();
    for (key, value) in further() {
        whole.insert(format!("gemma4.{key}"), value);
    }
    assert_eq!(Spec::from_metadata(&whole).err(), None);
    let keys: Vec<_> = whole
        .iter()
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect();
    for (key, right) in keys {
        for other in others(&right) {
            // A list is a number for each layer, and a number without a point one with.
            let is_number = matches!(other, Value::Unsigned(_));
            let is_size = matches!((&right, &other), (Value::Unsigned(_), Value::Integers(_)));
            let lists = matches!(right, Value::Integers(_)) && is_number;
            if lists || is_size || matches!(right, Value::Float(_)) && is_number {
                continue;
            }
            let mut changed = whole.clone();
            changed.insert(key.clone(), other.clone());
            let told = Spec::from_metadata(&changed)
                .map(|_| ())
                .unwrap_err()
                .to_string();
            let named = told.contains(&format!("'{key}' is ")) && told.contains("is needed");
            assert!(named, "{key} = {other:?}: {told}");
        }
    }
}

#[test]
fn a_number_that_is_none_is_refused_and_not_left_out() {
    for (key, number) in [
        ("attention.scale", -0.5),
        ("final_logit_softcapping", f64::NAN),
        ("rope.scaling.factor", f64::INFINITY),
        ("attention.layer_norm_rms_epsilon", f64::NAN),
    ] {
        let told = refusal(|it| drop(it.insert(format!("gemma4.{key}"), Value::Float(number))));
        assert!(told.contains(key) && told.contains("contradict"), "{told}");
    }
}

#[test]
fn files_that_are_no_models_are_told_what_they_are() {
    let kind =
        |it: &mut Metadata, kind: &str| drop(it.insert("general.type", Value::String(kind.into())));
    assert!(refusal(|it| kind(it, "adapter")).contains("a LoRA adapter"));
    assert!(refusal(|it| kind(it, "imatrix")).contains("an importance matrix"));
}

fn factors(name: &str) -> TensorInfo {
    TensorInfo {
        name: name.to_owned(),
        shape: vec![8],
        dtype: TensorType(0),
        shard: 0,
        offset: 0,
        size: Some(32),
    }
}

/// A file of Phi-3 as `convert_hf_to_gguf.py` writes it: two sets of divisors and no
/// type of scaling beside them.
#[test]
fn divisors_for_long_texts_say_themselves_that_there_are_two_sets() {
    let mut numbers = Metadata::default();
    numbers.insert("general.architecture", Value::String("phi3".into()));
    for (name, number) in [
        ("block_count", 2),
        ("embedding_length", 32),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 2),
        ("feed_forward_length", 64),
        ("context_length", 131_072),
        ("rope.dimension_count", 16),
        ("rope.scaling.original_context_length", 4096),
    ] {
        numbers.insert(format!("phi3.{name}"), Value::Unsigned(number));
    }
    let epsilon = "phi3.attention.layer_norm_rms_epsilon";
    numbers.insert(epsilon, Value::Float(1e-5));
    let spec = |names: &[&str], context| {
        let tensors = names.iter().map(|&name| factors(name)).collect();
        let shards = vec![Arc::new(Mapping::anonymous(32, |_| ()).unwrap())];
        let gguf = Gguf::from_parts(numbers.clone(), tensors, shards, &["phi.gguf".into()]);
        Spec::from_gguf(&gguf.unwrap(), context).unwrap()
    };
    let both = [ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT];
    for (names, context, used, length) in [
        (&both[..], None, ROPE_FACTORS_SHORT, 4096),
        (&both[..], Some(4096), ROPE_FACTORS_SHORT, 4096),
        (&both[..], Some(4097), ROPE_FACTORS_LONG, 131_072),
        (&[], Some(4097), "rope_freqs.weight", 131_072),
    ] {
        let spec = spec(names, context);
        assert_eq!((spec.rope_factors, spec.context_length), (used, length));
    }
}

/// A dense model of two layers with these numbers beside the common ones.
fn small(architecture: &str, more: &[(&str, Value)]) -> Result<Spec, SpecError> {
    let mut metadata = Metadata::default();
    metadata.insert("general.architecture", Value::String(architecture.into()));
    for (key, size) in [
        ("block_count", 2),
        ("embedding_length", 64),
        ("context_length", 4096),
        ("feed_forward_length", 48),
        ("attention.head_count", 4),
    ] {
        metadata.insert(format!("{architecture}.{key}"), Value::Unsigned(size));
    }
    for kind in ["rms_epsilon", "epsilon"] {
        let key = format!("{architecture}.attention.layer_norm_{kind}");
        metadata.insert(key, Value::Float(1e-5));
    }
    for (key, value) in more {
        let own = if key.starts_with("xielu") {
            (*key).to_owned()
        } else {
            format!("{architecture}.{key}")
        };
        metadata.insert(own, value.clone());
    }
    Spec::from_metadata(&metadata)
}

/// DeepSeek V3.2 and GLM 5, whose other parts are those of families that run.
#[test]
fn a_family_that_lacks_a_part_is_told_which() {
    for architecture in ["deepseek32", "glm-dsa"] {
        let told = small(architecture, &[]).unwrap_err().to_string();
        let wanted = format!("the architecture '{architecture}' is not known: it needs sparse");
        assert!(told.starts_with(&wanted), "{told}");
        assert!(
            told.contains("indexer") && told.ends_with("another architecture"),
            "{told}"
        );
    }
    let told = small("deepseek33", &[]).unwrap_err().to_string();
    assert!(told.contains("known are llama"), "{told}");
}

#[test]
fn a_scale_of_logits_multiplies_or_divides() {
    let scale = [("logit_scale", Value::Float(0.25))];
    assert_eq!(small("command-r", &scale).unwrap().logit_scale, 0.25);
    assert_eq!(small("granite", &scale).unwrap().logit_scale, 4.0);
}

#[test]
fn only_layers_with_a_window_rotate_where_there_are_windows() {
    let rotates = |more: &[(&str, Value)]| -> Vec<bool> {
        let spec = small("exaone4", more).unwrap();
        spec.layers.iter().map(|it| it.rope.is_some()).collect()
    };
    assert_eq!(rotates(&[]), [true, true]);
    let window = ("attention.sliding_window", Value::Unsigned(20));
    let pattern = Value::Integers([1, 0].into_iter().collect());
    let pattern = ("attention.sliding_window_pattern", pattern);
    assert_eq!(rotates(&[window, pattern]), [true, false]);
}

#[test]
fn a_step_without_a_gate_has_its_numbers_or_is_refused() {
    let numbers = |values: &[f32]| Value::Floats(values.iter().copied().collect());
    let told = |more: &[(&str, Value)]| small("apertus", more).unwrap_err().to_string();
    assert!(told(&[]).contains("lacks the number 'xielu.alpha_p'"));
    let mut more = [
        ("xielu.alpha_p", numbers(&[0.0, 30.0])),
        ("xielu.alpha_n", Value::Float(0.0)),
        ("xielu.beta", Value::Float(0.5)),
        ("xielu.eps", Value::Float(-1e-6)),
    ];
    let spec = small("apertus", &more).unwrap();
    let of_layer = |at: usize| match spec.layers[at].activation {
        Some(Activation::Xielu(of)) => of,
        other => panic!("{other:?}"),
    };
    assert_eq!(of_layer(0).positive, 2.0_f32.ln());
    assert_eq!(of_layer(1).positive, 30.0);
    assert_eq!(of_layer(1).negative, 0.5 + 2.0_f32.ln());
    for broken in [&[1.0][..], &[1.0, f32::NAN]] {
        more[0].1 = numbers(broken);
        let told = told(&more);
        assert!(told.contains("xielu.alpha_p"), "{told}");
    }
}

#[test]
fn what_only_some_layers_have_is_computed_or_refused() {
    let told =
        |architecture, more: &[(&str, Value)]| small(architecture, more).unwrap_err().to_string();
    assert!(told("gptneox", &[]).contains("use_parallel_residual"));
    let experts = [
        ("expert_count", Value::Unsigned(4)),
        ("expert_used_count", Value::Unsigned(2)),
        ("interleave_moe_layer_step", Value::Unsigned(2)),
    ];
    let every_second = small("ernie4_5-moe", &experts).unwrap();
    assert_eq!(every_second.experts.map(|experts| experts.every), Some(2));
    let alpha = [("rope.scaling.alpha", Value::Float(1000.0))];
    assert!(told("hunyuan-dense", &alpha).contains("alpha"));
}
