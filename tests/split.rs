//! A model in several files: any of them stands for all, both are read, and a file of another model is
//! told from its own by what it says, not by its name.

use std::fs;

use crate::support::gguf::split;
use crate::support::model::{self, Bench};
use crate::support::records::record;

#[test]
fn two_shards_answer_as_the_whole_does_and_a_foreign_one_is_refused() {
    let bench = Bench::new();
    let place = |number: u32| {
        let name = format!("cut-0000{number}-of-00002.gguf");
        bench.sandbox.path().join(name)
    };
    let [first, second] = [1, 2].map(place);
    split(
        &model::file("smollm2-135m-instruct-q4_1.gguf"),
        [&first, &second],
    );
    let run = |model: &str| {
        let tool = bench
            .run()
            .args(["-q", "-n", "8", "-p", "Say hello.", "-m", model]);
        record(&tool.run().exits(0))
    };
    let whole = run("smollm2");
    let [one, two] = [&first, &second].map(|shard| run(shard.to_str().unwrap()));
    assert_eq!(one["text"], whole["text"]);
    assert_eq!(two["text"], whole["text"]);
    assert_eq!(one["model"]["digest"], two["model"]["digest"]);
    assert_ne!(one["model"]["digest"], whole["model"]["digest"]);
    let show = |model: &str| {
        let tool = bench.sandbox.tool("llm-pull").args(["show", "-q", model]);
        record(&tool.run().exits(0))
    };
    assert_eq!(
        show(second.to_str().unwrap())["parameters"],
        show(
            model::file("smollm2-135m-instruct-q4_1.gguf")
                .to_str()
                .unwrap()
        )["parameters"]
    );

    fs::copy(&first, &second).unwrap();
    for program in ["llm-run -q -p Hi -m", "llm-pull show", "llm-pull import"] {
        let ran = bench.pipe(&format!("{program} {}", first.display())).run();
        let told = ran.exits(2).writes("").stderr();
        let told = told.lines().last().unwrap();
        assert!(told.contains("error: "), "{told}");
    }
    // Another model's second half, under the right name.
    fs::write(
        &second,
        fs::read(model::file("ggml-vocab/ggml-vocab-gpt-2.gguf")).unwrap(),
    )
    .unwrap();
    let tool = bench
        .run()
        .args(["-q", "-p", "Hi", "-m", first.to_str().unwrap()]);
    let ran = tool.run().exits(2).writes("");
    ran.says(
        "cut-00002-of-00002.gguf is not shard 2 of the 2 of this model (its split.no is missing)",
    );
}
