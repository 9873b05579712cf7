//! Sizes and formats against the files that exist, weights against their
//! promise, bytes against themselves.

use super::*;
use crate::family::FAMILIES;
use crate::spec::Spec;
use crate::weights::{FeedForward, KvProjections, Projections, Weights};

fn model(name: &str) -> Synthetic {
    Synthetic::parse(name).unwrap()
}

#[test]
fn every_shape_is_one_that_the_engine_runs() {
    for shape in SHAPES {
        assert!(
            FAMILIES
                .iter()
                .any(|family| family.architecture == shape.architecture)
        );
        let synthetic = model(&format!("{}:q4_k_m", shape.name));
        let spec = Spec::from_metadata(&synthetic.metadata()).unwrap();
        assert_eq!(
            (spec.layers.len(), spec.hidden_size),
            (shape.layers, shape.hidden_size)
        );
        assert_eq!(spec.query_width(0), shape.heads * shape.head_dim);
        assert_eq!(spec.layers[0].window, shape.window);
    }
}

/// The published counts of parameters, in millions (from the models' cards on
/// the hub), without the vision tower.
#[test]
fn parameters_are_those_of_the_published_models() {
    for (name, millions) in [
        ("smollm2-135m", 134.5),
        ("smollm2-360m", 361.8),
        ("smollm2-1.7b", 1711.4),
        ("gemma-3-270m", 268.1),
        ("gemma-3-1b", 999.9),
        ("llama-3.2-1b", 1235.8),
        ("llama-3.2-3b", 3212.7),
        ("llama-3.1-8b", 8030.3),
        ("llama-3.3-70b", 70_553.7),
        ("mistral-7b", 7248.0),
    ] {
        let count = model(&format!("{name}:q8_0")).parameters() as f64 / 1e6;
        assert!((count / millions - 1.0).abs() < 1e-3, "{name}: {count}");
    }
}

#[test]
fn what_is_not_known_is_answered_with_what_is() {
    let told = |name| Synthetic::parse(name).unwrap_err().to_string();
    assert!(told("llama-4:q4_0").contains("llama-3.2-1b, llama-3.2-3b"));
    assert!(told("llama-3.2-1b").contains("as in llama-3.2-1b:q4_k_m; known are f16"));
    assert!(told("llama-3.2-1b:q3_k").contains("'q3_k'"));
    assert!(told("llama3.2-1b:q4_0").contains("did you mean 'llama-3.2-1b'?"));
    assert!(told("llama-3.2-1b:q8").contains("did you mean 'q8_0'?"));
    assert!(!told("xyz:q4_0").contains("did you mean"));
    let told = |layers| {
        let error = model("llama-3.2-1b:q8_0").with_layers(layers).unwrap_err();
        error.to_string()
    };
    assert!(told(17).contains("1 to 16"));
    assert!(told(0).contains("0 were asked for"));
}

#[test]
fn the_image_runs_and_its_weights_have_the_promised_size() {
    let pool = Pool::new(2).unwrap();
    for shape in ["tiny-llama", "tiny-gemma3"] {
        for quantization in QUANTIZATIONS {
            let synthetic = model(&format!("{shape}:{}", quantization.name));
            let gguf = synthetic.gguf(&pool).unwrap();
            assert_eq!(gguf.weight_bytes(), synthetic.weight_bytes());
            let spec = Spec::from_gguf(&gguf, None).unwrap();
            let weights = Weights::from_gguf(&gguf, &spec).unwrap();
            let layer = &weights.layers[0];
            let Some(Projections::Heads {
                keys:
                    Some(KvProjections {
                        value: Some(value), ..
                    }),
                ..
            }) = layer.attention.as_ref().map(|it| &it.projections)
            else {
                panic!("a dense model has heads");
            };
            let Some(FeedForward::Dense(mlp)) = &layer.feed_forward else {
                panic!("a dense model has no experts");
            };
            for linear in [&weights.output, value, &mlp.down, &mlp.up] {
                let numbers = linear.dequantize();
                let count = numbers.len() as f64;
                let sum =
                    |f: &dyn Fn(f64) -> f64| numbers.iter().map(|&x| f(x.into())).sum::<f64>();
                let mean = sum(&|x| x) / count;
                let rms = (sum(&|x| x * x) / count).sqrt();
                let ratio = rms * (linear.columns() as f64).sqrt();
                // Floats have their size in steps of two, and 16 thousand
                // scale groups of a small matrix a scatter of a few percent.
                let bound = if quantization.base.is_quantized() {
                    0.1
                } else {
                    0.5
                };
                assert!(
                    (ratio - 1.0).abs() < bound && mean.abs() < 0.1 * rms,
                    "{shape} {} {}: {ratio}, {}",
                    quantization.name,
                    linear.format(),
                    mean / rms
                );
            }
        }
    }
}

#[test]
fn the_bytes_are_the_same_on_any_number_of_threads_and_in_a_file() {
    // An embedding of more than one part of `write`.
    let synthetic = model("gemma-3-270m:q8_0").with_layers(1).unwrap();
    let image = |threads| {
        let gguf = synthetic.gguf(&Pool::new(threads).unwrap()).unwrap();
        gguf.mapping(&gguf.tensors()[0]).clone()
    };
    let (one, three) = (image(1), image(3));
    assert!(one.bytes() == three.bytes());
    let mut file = Vec::new();
    synthetic.write(&Pool::new(2).unwrap(), &mut file).unwrap();
    assert!(file == one.bytes());
}

#[test]
fn tensors_differ_from_each_other_and_no_chunk_comes_twice() {
    let gguf = model("tiny-llama:q4_0")
        .gguf(&Pool::new(1).unwrap())
        .unwrap();
    let bytes = |name: &str| gguf.bytes(gguf.tensor(name).unwrap()).to_vec();
    let (gate, up) = (bytes("blk.0.ffn_gate.weight"), bytes("blk.0.ffn_up.weight"));
    assert_ne!(gate, up);
    assert_ne!(
        gate[..4096],
        gate[fill::chunk_bytes(llm_kernels::block::Format::Q4_0)..][..4096]
    );
}

#[test]
fn a_sample_of_layers_has_the_mixture_of_the_whole() {
    let per_layer = |synthetic: Synthetic, layers: usize| {
        let bytes = |count| synthetic.with_layers(count).unwrap().weight_bytes();
        (bytes(layers) - bytes(layers / 2)) as f64 / (layers - layers / 2) as f64
    };
    for name in [
        "llama-3.2-1b:q4_k_m",
        "llama-3.1-8b:q4_k_m",
        "llama-3.3-70b:q5_k_m",
    ] {
        let synthetic = model(name);
        let whole = per_layer(synthetic, synthetic.layers());
        for layers in [4, 8] {
            let sample = per_layer(synthetic, layers);
            assert!(
                (sample / whole - 1.0).abs() < 1e-3,
                "{name}: {sample} {whole}"
            );
        }
    }
}

/// The files in models/ were made by llama-quantize, so each tensor's type and
/// shape is what the table and the mixture have to give.
#[test]
fn the_mixture_is_that_of_real_files() {
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    for (file, name) in [
        ("gemma-3-270m-q4_k_m.gguf", "gemma-3-270m:q4_k_m"),
        ("smollm2-135m-instruct-q4_1.gguf", "smollm2-135m:q4_1"),
    ] {
        let real = Gguf::open(&[models.join(file)]).unwrap();
        let made = model(name).gguf(&Pool::new(2).unwrap()).unwrap();
        let summary = |gguf: &Gguf| {
            let mut rows: Vec<_> = gguf
                .tensors()
                .iter()
                .map(|tensor| (tensor.name.clone(), tensor.shape.clone(), tensor.dtype))
                .collect();
            rows.sort_by(|a, b| a.0.cmp(&b.0));
            rows
        };
        assert_eq!(summary(&made), summary(&real));
        let spec = |gguf: &Gguf| Spec::from_gguf(gguf, None).unwrap();
        assert_eq!(spec(&made), spec(&real));
    }
}
