//! LoRA adapters against the programs that they come from: PEFT on transformers, and
//! llama.cpp (`adapters/README.md`; `scripts/make-tiny-adapters` makes them).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::lora::{Applied, Lora};
use llm_engine::spec::Spec;
use llm_engine::weights::Weights;
use llm_folder::adapter;
use llm_gguf::Gguf;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

/// Positions whose logits are kept, as in `scripts/lib/tiny_adapters.py`.
const POSITIONS: [usize; 4] = [0, 1, 15, 39];

/// The largest difference to the judges' logits, as a part of their root mean square: all
/// sum in f32, in another order.
const BOUND: f32 = 2e-4;

/// Cases that llama.cpp does not compute, see `adapters/README.md`.
const NOT_BY_LLAMA_CPP: [&str; 3] = ["llama-patterns", "gemma-embedding", "deepseek-v2"];

/// A line of `cases.tsv`.
struct Case {
    name: String,
    model: String,
    /// With their scales.
    adapters: Vec<(String, f32)>,
    /// By how much of their size the logits change.
    change: f32,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adapters")
}

fn published(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/published")
        .join(model)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cases() -> Vec<Case> {
    let text = read(&root().join("cases.tsv"));
    let case = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [name, model, adapters, _, change, _] = columns[..] else {
            panic!("cases.tsv: {line}");
        };
        let adapter = |one: &str| {
            let (name, scale) = one.split_once(':').unwrap();
            (name.to_owned(), scale.parse().unwrap())
        };
        Case {
            name: name.to_owned(),
            model: model.to_owned(),
            adapters: adapters.split(',').map(adapter).collect(),
            change: change.parse().unwrap(),
        }
    };
    text.lines().skip(1).map(case).collect()
}

/// The two forms in which a model and an adapter come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Gguf,
    Folder,
}

fn model(name: &str, form: Form) -> Gguf {
    let folder = published(name);
    match form {
        Form::Gguf => Gguf::open(&[folder.join(format!("{name}.gguf"))]).unwrap(),
        Form::Folder => llm_folder::open(&[folder.join("model.safetensors")], None).unwrap(),
    }
}

fn adapter_path(name: &str, form: Form) -> PathBuf {
    match form {
        Form::Gguf => root().join(format!("{name}.gguf")),
        Form::Folder => root().join(name),
    }
}

/// A model with adapters.
struct Opened {
    spec: Arc<Spec>,
    weights: Arc<Weights>,
}

impl Opened {
    fn new(gguf: &Gguf) -> Self {
        let spec = Spec::from_gguf(gguf, Some(64)).unwrap();
        let weights = Weights::from_gguf(gguf, &spec).unwrap();
        Self {
            spec: Arc::new(spec),
            weights: Arc::new(weights),
        }
    }

    fn lora(&self, path: &Path) -> Result<Arc<Lora>, String> {
        let architecture = self.spec.family.architecture;
        let adapter = adapter::open(path, architecture).map_err(|it| it.to_string())?;
        let lora = Lora::new(&adapter, &self.weights, &self.spec);
        lora.map(Arc::new).map_err(|it| it.to_string())
    }

    fn pass(&self, loras: Vec<Arc<Lora>>) -> CpuForward<f32> {
        let (spec, weights) = (Arc::clone(&self.spec), Arc::clone(&self.weights));
        let pool = Pool::new(1).unwrap();
        CpuForward::new(spec, weights, pool, Level::detect().unwrap()).with_adapters(loras)
    }
}

/// Returns the logits of all positions, (tokens, vocabulary).
fn logits(pass: &mut CpuForward<f32>, tokens: &[u32], adapters: &[Applied]) -> Vec<f32> {
    let sequence = pass.sequences_mut().start();
    let mut logits = Vec::new();
    let input = Input {
        sequence,
        tokens,
        outputs: Outputs::All,
        adapters,
    };
    pass.forward(&[input], &mut logits).unwrap();
    pass.sequences_mut().end(sequence);
    logits
}

fn at_positions(logits: &[f32], vocabulary: usize) -> Vec<f32> {
    let row = |at: &usize| &logits[at * vocabulary..(at + 1) * vocabulary];
    POSITIONS.iter().flat_map(row).copied().collect()
}

fn tokens(case: &str) -> Vec<u32> {
    let text = read(&root().join(format!("{case}.tokens.txt")));
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Returns the largest difference as a part of the root mean square of `expected`.
fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let size = (expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32).sqrt();
    let both = found.iter().zip(expected);
    let differences = both.map(|(one, other)| (one - other).abs());
    differences.fold(
        0.0,
        |worst, it| {
            if it > worst || it.is_nan() { it } else { worst }
        },
    ) / size
}

fn floats(path: &Path) -> Option<Vec<f32>> {
    let bytes = std::fs::read(path).ok()?;
    let fours = bytes.chunks_exact(4);
    let floats = fours.map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    Some(floats.collect())
}

fn applied(scales: impl IntoIterator<Item = f32>) -> Vec<Applied> {
    let scales = scales.into_iter().enumerate();
    scales
        .map(|(adapter, scale)| Applied { adapter, scale })
        .collect()
}

/// Every case in all forms of model and adapter; and without the adapters none of them
/// gives what the judges give.
#[test]
fn adapters_give_the_judges_logits() {
    let mut failures = String::new();
    let cases = cases();
    assert!(cases.len() >= 12, "{} cases", cases.len());
    for case in &cases {
        for form in [Form::Gguf, Form::Folder] {
            let opened = Opened::new(&model(&case.model, form));
            for adapters in [Form::Gguf, Form::Folder] {
                let paths = case.adapters.iter();
                let paths: Vec<_> = paths
                    .map(|(name, _)| adapter_path(name, adapters))
                    .collect();
                if !paths.iter().all(|path| path.exists()) {
                    assert_eq!(
                        (adapters, case.name.as_str()),
                        (Form::Gguf, "llama-patterns")
                    );
                    continue;
                }
                compare(case, form, &opened, &paths, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn compare(case: &Case, form: Form, opened: &Opened, paths: &[PathBuf], failures: &mut String) {
    let name = format!("{} ({form:?}, {})", case.name, paths[0].display());
    let loras = paths.iter().map(|path| opened.lora(path));
    let loras = match loras.collect::<Result<Vec<_>, _>>() {
        Ok(loras) => loras,
        Err(error) => return writeln!(failures, "{name}: {error}").unwrap(),
    };
    let mut pass = opened.pass(loras);
    let vocabulary = pass.vocabulary();
    let tokens = tokens(&case.name);
    let applied = applied(case.adapters.iter().map(|(_, scale)| *scale));
    let found = at_positions(&logits(&mut pass, &tokens, &applied), vocabulary);
    let own = at_positions(&logits(&mut pass, &tokens, &[]), vocabulary);
    for who in ["llama_cpp", "transformers"] {
        let Some(expected) = floats(&root().join(format!("{}.{who}.f32", case.name))) else {
            assert_eq!(who, "llama_cpp");
            assert!(NOT_BY_LLAMA_CPP.contains(&case.name.as_str()), "{name}");
            continue;
        };
        let (apart, without) = (apart(&found, &expected), apart(&own, &expected));
        println!("{name}: {apart:e} from {who}, {without:e} without");
        if apart.is_nan() || apart >= BOUND {
            writeln!(failures, "{name}: {apart:e} from {who}").unwrap();
        }
        assert!(case.change > 0.05 && without > 0.05, "{name}: {without:e}");
    }
}

#[test]
fn a_scale_of_zero_is_the_model_bit_for_bit() {
    let opened = Opened::new(&model("llama-3", Form::Gguf));
    let lora = opened.lora(&adapter_path("llama", Form::Gguf)).unwrap();
    let mut pass = opened.pass(vec![lora]);
    let tokens = tokens("llama");
    let own = logits(&mut opened.pass(Vec::new()), &tokens, &[]);
    assert_eq!(logits(&mut pass, &tokens, &[]), own);
    assert_eq!(logits(&mut pass, &tokens, &applied([0.0])), own);
    assert_ne!(logits(&mut pass, &tokens, &applied([0.01])), own);
}

/// Requests with other adapters in one step, some of them without, are what each is alone.
#[test]
fn requests_of_one_step_keep_their_adapters() {
    for (name, adapters) in [
        ("llama-3", ["llama", "llama-embedding"]),
        ("qwen3-moe", ["qwen3-moe", "qwen3-moe"]),
    ] {
        let opened = Opened::new(&model(name, Form::Gguf));
        let lora = |name: &str| opened.lora(&adapter_path(name, Form::Gguf)).unwrap();
        let mut pass = opened.pass(adapters.map(lora).to_vec());
        let all = tokens(adapters[0]);
        let requests: [(&[u32], Vec<Applied>); 5] = [
            (&all[..7], applied([1.0])),
            (&all[..9], Vec::new()),
            (&all[3..], applied([0.5, 2.0])),
            (&all[..1], applied([0.0, 1.0])),
            (&all[5..6], applied([1.0])),
        ];
        let mut together = Vec::new();
        let inputs: Vec<_> = requests
            .iter()
            .map(|(tokens, adapters)| Input {
                sequence: pass.sequences_mut().start(),
                tokens,
                outputs: Outputs::Last,
                adapters,
            })
            .collect();
        pass.forward(&inputs, &mut together).unwrap();
        let vocabulary = pass.vocabulary();
        for ((tokens, adapters), together) in requests.iter().zip(together.chunks(vocabulary)) {
            let alone = logits(&mut pass, tokens, adapters);
            assert_eq!(alone[alone.len() - vocabulary..], *together, "{name}");
        }
    }
}

#[test]
fn an_adapter_that_is_not_loaded_is_an_error() {
    let opened = Opened::new(&model("llama-3", Form::Gguf));
    let mut pass = opened.pass(Vec::new());
    let sequence = pass.sequences_mut().start();
    let input = Input {
        sequence,
        tokens: &[5],
        outputs: Outputs::Last,
        adapters: &applied([1.0]),
    };
    let told = pass.forward(&[input], &mut Vec::new()).unwrap_err();
    assert!(told.to_string().contains("not loaded"), "{told}");
}
