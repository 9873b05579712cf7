//! Model files that are cut short, hostile, or no models: one sentence, status 2, and no more memory
//! than the header needs. What each fault of a header is called is tested in llm-engine.

use std::fs;
use std::path::Path;

use crate::harness::{Ran, Sandbox};
use crate::support::gguf::{header, pad, tensor, with_tensor};
use crate::support::model;
use crate::support::records::record;

/// Runs a program on a file with 400 MB of address space: half of what running SmolLM2 takes, so that
/// a size which a file claims cannot be allocated unseen.
fn on(sandbox: &Sandbox, program: &str, file: &Path) -> Ran {
    let line = format!("ulimit -v 400000; exec timeout 20 {program} \"$FILE\"");
    sandbox.pipe(&line).env("FILE", file).run()
}

/// Expects that `llm-run` refuses a file in one sentence that names it.
#[track_caller]
fn refuses(sandbox: &Sandbox, file: &Path, part: &str) {
    let ran = on(sandbox, "llm-run -q -p Hi -m", file).exits(2).writes("");
    let told = ran.stderr();
    let errors: Vec<_> = told
        .lines()
        .filter(|line| !line.ends_with("this once"))
        .collect();
    let name = file.file_name().unwrap().to_str().unwrap();
    let wanted = |line: &str| {
        line.starts_with("llm-run: error: ") && line.contains(name) && line.contains(part)
    };
    if errors.len() != 1 || !wanted(errors[0]) {
        ran.fail(&format!("expected one sentence with '{name}' and {part:?}"));
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_the_cut_is() {
    let sandbox = Sandbox::new();
    let whole = model::file("smollm2-135m-instruct-q4_1.gguf");
    let start = fs::read(&whole).unwrap();
    // In the four letters, the counts, the metadata, the vocabulary, the list of tensors, the weights.
    for bytes in [3, 10, 23, 1000, 1_000_000, 1_700_000, 3_000_000] {
        let file = sandbox.file("cut.gguf", &start[..bytes]);
        refuses(&sandbox, &file, "is not a usable GGUF file");
        on(&sandbox, "llm-pull show", &file)
            .exits(2)
            .writes("")
            .says("llm-pull: error: ");
    }
    let file = sandbox.file("last.gguf", &start[..start.len() - 1]);
    refuses(&sandbox, &file, "cut short");
    // The whole file, so that what was refused above was refused for the cut.
    let shown = sandbox.tool("llm-pull").arg("show").arg(&whole).run();
    assert_eq!(record(&shown.exits(0))["architecture"], "llama");
}

#[test]
fn a_header_that_claims_too_much_costs_nothing() {
    let sandbox = Sandbox::new();
    let claimed = 1 << 60;
    let bare = header(claimed, &[]);
    let padded = [header(claimed, &[]), vec![0; 1 << 20]].concat();
    let mut pairs = header(0, &[]);
    pairs[16..24].copy_from_slice(&u64::to_le_bytes(claimed));
    let mut text = header(0, &[("general.architecture", "llama")]);
    text[24..32].copy_from_slice(&u64::to_le_bytes(claimed));
    for (name, bytes, part) in [
        ("tensors.gguf", bare, "1152921504606846976 tensors"),
        ("padded.gguf", padded, "1152921504606846976 tensors"),
        ("pairs.gguf", pairs, "1152921504606846976 metadata"),
        ("text.gguf", text, "1152921504606846976 bytes of text"),
    ] {
        let file = sandbox.file(name, bytes);
        refuses(&sandbox, &file, part);
        on(&sandbox, "llm-pull show", &file).exits(2).says(part);
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let sandbox = Sandbox::new();
    for (name, bytes) in [
        ("empty.gguf", &b""[..]),
        ("text.gguf", b"hello\n"),
        ("zeros.gguf", &[0; 4096]),
    ] {
        let file = sandbox.file(name, bytes);
        refuses(&sandbox, &file, "four letters GGUF");
    }
    let folder = sandbox.path().join("folder");
    fs::create_dir(&folder).unwrap();
    refuses(&sandbox, &folder, "no ");
    let old = sandbox.file("old.gguf", b"GGUF\x01\0\0\0");
    refuses(&sandbox, &old, "version 1");
}

#[test]
fn an_architecture_that_is_not_known_is_named_with_those_that_are() {
    let sandbox = Sandbox::new();
    let bytes = header(0, &[("general.architecture", "martian")]);
    let file = sandbox.file("martian.gguf", bytes);
    refuses(&sandbox, &file, "'martian' is not known; known are llama");
    // Its header can be shown nevertheless.
    let shown = record(&on(&sandbox, "llm-pull show", &file).exits(0));
    assert_eq!(shown["architecture"], "martian");
    assert_eq!(shown["runnable"], false);
    let obstacle = shown["obstacle"].as_str().unwrap();
    assert!(obstacle.contains("'martian' is not known"), "{obstacle}");
    let nameless = sandbox.file("nameless.gguf", header(0, &[]));
    refuses(&sandbox, &nameless, "general.architecture");
}

#[test]
fn a_vocabulary_alone_is_no_model() {
    let sandbox = Sandbox::new();
    for (name, part) in [
        ("ggml-vocab-llama-spm.gguf", "lacks the tensor"),
        ("ggml-vocab-llama-bpe.gguf", "lacks the tensor"),
        ("ggml-vocab-bert-bge.gguf", "llm-embed runs it"),
        ("ggml-vocab-gemma-4.gguf", "lacks the tensor"),
    ] {
        let file = model::file(&format!("ggml-vocab/{name}"));
        refuses(&sandbox, &file, part);
        let shown = record(&on(&sandbox, "llm-pull show", &file).exits(0));
        assert_eq!(shown["parameters"], 0);
        assert_eq!(shown["runnable"], false);
        assert!(
            shown["obstacle"].as_str().unwrap().contains(part),
            "{shown}"
        );
        assert!(shown["vocabulary"].as_u64().unwrap() > 30_000, "{shown}");
    }
}

#[test]
fn a_type_that_is_not_known_is_shown_as_one_that_cannot_be_checked() {
    let sandbox = Sandbox::new();
    let make = |type_id: u32, bytes: usize| {
        let mut file = header(1, &[("general.architecture", "llama")]);
        tensor(&mut file, "output.weight", &[256, 2], type_id, 0);
        pad(&mut file);
        file.extend(vec![0; bytes]);
        sandbox.file("new.gguf", file)
    };
    let show = |file: &Path| on(&sandbox, "llm-pull show -q", file);
    let ran = show(&make(999, 64)).exits(0);
    assert_eq!(record(&ran)["quantization"], "type 999");
    ran.says("'output.weight' cannot be run or checked")
        .says("size of type 999");
    // Bytes that are not there at all can be told.
    show(&make(999, 0)).exits(2).writes("").says("cut short");
    // Types that ggml has and nothing here runs are checked as all others.
    for (type_id, name, bytes) in [(40, "NVFP4", 288), (41, "Q1_0", 72), (42, "Q2_0", 144)] {
        let ran = show(&make(type_id, bytes)).exits(0).says_nothing();
        assert_eq!(record(&ran)["quantization"], name);
        show(&make(type_id, bytes - 1)).exits(2).says("cut short");
    }
}

/// A tiny Qwen 3 with random weights.
const TINY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/embed/tiny/gguf/qwen3.gguf"
);

#[test]
fn a_tensor_that_is_not_computed_is_named_by_every_program() {
    let sandbox = Sandbox::new();
    let whole = Path::new(TINY);
    let shown = record(&on(&sandbox, "llm-pull show", whole).exits(0));
    assert_eq!(shown["runnable"], true);
    on(&sandbox, "llm-run -q -p a -n 1 -m", whole).exits(0);
    for name in [
        "blk.0.attn_norm.bias",
        "token_embd_norm.weight",
        "blk.2.attn_norm.weight",
    ] {
        let file = sandbox.file("more.gguf", with_tensor(whole, name, 32));
        let named = format!("the tensor '{name}'");
        refuses(&sandbox, &file, &named);
        let shown = record(&on(&sandbox, "llm-pull show", &file).exits(0));
        assert_eq!(shown["runnable"], false);
        assert!(
            shown["obstacle"].as_str().unwrap().contains(&named),
            "{shown}"
        );
        on(&sandbox, "echo a | llm-embed -m", &file)
            .exits(2)
            .writes("")
            .says(&named);
        // It measures the memory first, which takes more than the others may have.
        let line = "exec timeout 60 llm-bench -p 1 -n 0 -r 1 -m \"$FILE\"";
        let timed = sandbox.pipe(line).env("FILE", &file).run().exits(1);
        assert!(timed.stdout().contains(&named), "{}", timed.stdout());
    }
}

#[test]
fn what_is_unusual_about_a_model_is_warned_of_once() {
    let sandbox = Sandbox::new();
    let whole = fs::read(TINY).unwrap();
    let without = |names: &[&str]| {
        let mut bytes = whole.clone();
        for name in names {
            let at = bytes
                .windows(name.len())
                .position(|part| part == name.as_bytes());
            bytes[at.unwrap() + name.len() - 1] = b'_';
        }
        bytes
    };
    let ends = [
        "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.eot_token_id",
        "<|endoftext|>",
        "<|im_end|>",
    ];
    for (names, warning) in [
        (
            &["tokenizer.ggml.pre"][..],
            "warning: the model does not name its pre-tokenizer",
        ),
        (
            &ends,
            "warning: the model names no token that ends an answer",
        ),
    ] {
        let file = sandbox.file("unusual.gguf", without(names));
        let ran = on(&sandbox, "llm-run -q -p a -n 1 -m", &file).exits(0);
        assert_eq!(ran.stderr().matches(warning).count(), 1, "{}", ran.stderr());
        on(&sandbox, "llm-pull show", &file).exits(0).says(warning);
    }
}

#[test]
fn what_people_take_for_a_model_is_told_what_it_is() {
    let sandbox = Sandbox::new();
    let kind = |kind: &str| {
        header(
            0,
            &[("general.type", kind), ("general.architecture", "llama")],
        )
    };
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for (name, bytes, part) in [
        ("lora.gguf", kind("adapter"), "a LoRA adapter"),
        (
            "imatrix.gguf",
            kind("imatrix"),
            "an importance matrix (imatrix)",
        ),
        ("mmproj.gguf", kind("mmproj"), "mmproj"),
        ("pointer.gguf", pointer.into(), "git-lfs pointer"),
    ] {
        let file = sandbox.file(name, bytes);
        refuses(&sandbox, &file, part);
        on(&sandbox, "echo a | llm-embed -m", &file)
            .exits(2)
            .says(part);
        on(&sandbox, "llm-pull import", &file).exits(2).says(part);
        let timed = on(&sandbox, "llm-bench -p 1 -n 0 -r 1 -m", &file).exits(1);
        assert!(timed.stdout().contains(part), "{}", timed.stdout());
        let shown = on(&sandbox, "llm-pull show", &file);
        match name {
            // It has no header.
            "pointer.gguf" => drop(shown.exits(2).says(part)),
            _ => assert!(shown.exits(0).stdout().contains(part)),
        }
    }
    sandbox.file("pickled/config.json", "{}");
    let folder = sandbox
        .file("pickled/pytorch_model.bin", "PK")
        .parent()
        .unwrap()
        .to_owned();
    for program in ["llm-run -q -p a -m", "llm-pull show", "llm-embed -m"] {
        let ran = on(&sandbox, program, &folder).exits(2);
        ran.says("'pytorch_model.bin', weights in PyTorch's form");
    }
}
