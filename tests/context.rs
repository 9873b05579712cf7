//! What a request may choose from and how much of it fits: labels, texts that are longer than the
//! context, and one text in pieces. Scores are compared with their definition in llm-engine.

use serde_json::{Value, json};

use crate::support::model::Bench;
use crate::support::records::{record, records, timeless};

fn prompt_tokens(record: &Value) -> u64 {
    record["usage"]["prompt_tokens"].as_u64().unwrap()
}

/// Returns the tokens of a text, as another program counts them.
fn tokens(bench: &Bench, text: &str) -> usize {
    let quoted = format!("llm-pull show smollm2 --tokenize '{text}'");
    let record = record(&bench.pipe(&quoted).run().exits(0));
    record["tokens"].as_array().unwrap().len()
}

const QUESTION: &str = "Is a rose an animal or a plant? Answer with one word.";

#[test]
fn a_label_that_leaves_no_room_is_named_as_such() {
    let bench = Bench::new();
    let label = "very ".repeat(80);
    let tool = bench.run().args(["-p", QUESTION, "-c", "64", "--choices"]);
    let failed = record(&tool.args([format!("yes,{label}")]).run().exits(1));
    assert_eq!(failed["error"]["code"], "context_exceeded");
    let sentence = failed["error"]["message"].as_str().unwrap();
    let tokens = tokens(&bench, label.trim_end());
    let told = format!("a label {tokens}, and the context 64");
    assert!(sentence.contains(&told), "{sentence}");
}

#[test]
fn the_likeliest_label_is_the_answer() {
    let bench = Bench::new();
    let run = |choices: &str, more: &[&str]| {
        let tool = bench.run().args(["-p", QUESTION, "--choices", choices]);
        record(&tool.args(more).run().exits(0))
    };
    let answer = run("animal, plant,unbelievable nonsense", &[]);
    let choices = answer["choices"].as_array().unwrap();
    let labels: Vec<_> = choices.iter().map(|choice| &choice["text"]).collect();
    assert_eq!(labels, ["animal", "plant", "unbelievable nonsense"]);
    let number = |choice: &Value, field: &str| choice[field].as_f64().unwrap();
    let sum: f64 = choices.iter().map(|one| number(one, "probability")).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{choices:?}");
    for one in choices {
        let other = &choices[0];
        let difference = number(one, "logprob") - number(other, "logprob");
        let ratio = (number(one, "probability") / number(other, "probability")).ln();
        assert!((difference - ratio).abs() < 1e-9, "{choices:?}");
        assert!(number(one, "logprob") < 0.0);
    }
    let best = choices
        .iter()
        .max_by(|a, b| number(a, "logprob").total_cmp(&number(b, "logprob")))
        .unwrap();
    assert_eq!(answer["text"], best["text"]);
    assert_eq!(answer["finish_reason"], "stop");
    let scored: usize = ["animal", "plant", "unbelievable nonsense"]
        .map(|label| tokens(&bench, label))
        .iter()
        .sum();
    assert_eq!(answer["usage"]["completion_tokens"], scored);
    // Neither order nor company matters to a label's score, and text is the label alone.
    let others = run("plant,animal", &["-n", "1"]);
    assert_eq!(others["choices"][0]["logprob"], choices[1]["logprob"]);
    assert_ne!(others["request_digest"], answer["request_digest"]);
    let tool = bench.run().args(["-T", "-p", QUESTION]);
    tool.args(["--choices", "animal, plant,unbelievable nonsense"])
        .run()
        .exits(0)
        .writes(&format!("{}\n", answer["text"].as_str().unwrap()));
}

#[test]
fn a_lines_labels_win_and_bad_ones_fail_alone() {
    let bench = Bench::new();
    let lines = [
        json!({"id": 1, "prompt": QUESTION}),
        json!({"id": 2, "prompt": QUESTION, "choices": [" plant", "a, b"]}),
        json!({"id": 3, "prompt": QUESTION, "choices": ["a", "a"]}),
        json!({"id": 4, "prompt": QUESTION, "choices": ["a", ""]}),
        json!({"id": 5, "prompt": QUESTION, "choices": []}),
        json!({"id": 6, "prompt": QUESTION, "choices": "a,b"}),
        json!({"id": 7, "prompt": QUESTION, "choices": null}),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let run = |parallel: &str| {
        let tool = bench
            .run()
            .args(["--jsonl", "--choices", "animal,plant"])
            .args(["--parallel", parallel])
            .input(input.clone());
        records(&tool.run().exits(1))
    };
    let answers = run("1");
    let texts = |record: &Value| {
        let choices = record["choices"].as_array().unwrap();
        let texts: Vec<_> = choices.iter().map(|one| one["text"].clone()).collect();
        json!(texts)
    };
    assert_eq!(texts(&answers[0]), json!(["animal", "plant"]));
    assert_eq!(texts(&answers[1]), json!([" plant", "a, b"]));
    for (index, part) in [
        (2, "\"a\" twice"),
        (3, "empty label"),
        (4, "is empty"),
        (5, "list"),
    ] {
        let error = &answers[index]["error"];
        assert_eq!(error["code"], "bad_request");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("'choices'") && message.contains(part),
            "{message}"
        );
    }
    assert_eq!(texts(&answers[6]), json!(["animal", "plant"]));
    let plain = |record: &Value| {
        let mut record = timeless(record.clone());
        // What is shared with a neighbour depends on who is there.
        record["usage"]["prompt_tokens_details"] = json!(null);
        record
    };
    let together: Vec<_> = run("8").iter().map(plain).collect();
    assert_eq!(together, answers.iter().map(plain).collect::<Vec<_>>());
    for labels in ["a,,b", "a,b,a", ""] {
        let tool = bench.run().args(["-p", "x", "--choices", labels]);
        tool.run().exits(2).writes("").says("'choices'");
    }
}

/// A text of 600 numbered lines, far longer than the contexts here, with characters of several bytes.
fn long_text() -> String {
    (1..=600)
        .map(|n| format!("{n} — naïve 🦀 words\n"))
        .collect()
}

const CONTEXT: u64 = 256;

#[test]
fn a_text_that_is_too_long_is_cut_where_it_is_asked_for() {
    let bench = Bench::new();
    let text = long_text();
    bench.file("long.txt", &text);
    let first = "1 — naïve 🦀 words\n2 ";
    let last = "599 — naïve 🦀 words\n600 — naïve 🦀 words";
    for template in [&["--system", "Be brief."][..], &["--no-template"]] {
        let run = |more: &[&str]| {
            let tool = bench.run().args(["Sum up:", "-f", "long.txt", "-c"]);
            tool.arg(CONTEXT.to_string())
                .args(template)
                .args(more)
                .run()
        };
        let failed = record(&run(&["-n", "4"]).exits(1));
        assert_eq!(failed["error"]["code"], "context_exceeded");
        let whole = prompt_tokens(&record(&run(&["--count"]).exits(0)));
        for part in ["head", "tail", "middle"] {
            let answer = record(&run(&["-n", "4", "--on-overflow", part]).exits(0));
            let kept = prompt_tokens(&answer);
            assert!((CONTEXT - 4 - 2..=CONTEXT - 4).contains(&kept), "{kept}");
            let wanted = json!({"tokens": whole - kept, "where": part});
            assert_eq!(answer["truncated"], wanted);
            let shown = run(&["-n", "4", "--on-overflow", part, "--show-prompt", "-T"])
                .exits(0)
                .stdout();
            assert!(shown.contains("Sum up:\n\n"), "{shown}");
            if template.len() > 1 {
                assert!(shown.contains("Be brief."), "{shown}");
                assert!(
                    shown.trim_end().ends_with("<|im_start|>assistant"),
                    "{shown}"
                );
            }
            assert_eq!(shown.contains(first), part != "head", "{part}: {shown}");
            assert_eq!(shown.contains(last), part != "tail", "{part}: {shown}");
            assert!(!shown.contains('\u{fffd}'), "{shown}");
        }
    }
}

#[test]
fn the_answers_room_follows_n_and_only_the_text_is_cut() {
    let bench = Bench::new();
    bench.file("long.txt", long_text());
    let context = CONTEXT.to_string();
    let kept = |more: &[&str]| {
        let tool = bench
            .run()
            .args(["--on-overflow", "tail", "-c", &context])
            .args(["-f", "long.txt", "--count"])
            .args(more);
        prompt_tokens(&record(&tool.run().exits(0)))
    };
    let near = |tokens: u64, most: u64| (most - 2..=most).contains(&tokens);
    assert!(near(kept(&[]), CONTEXT - CONTEXT / 4));
    assert!(near(kept(&["-n", "-1"]), CONTEXT - CONTEXT / 4));
    assert!(near(kept(&["-n", "100"]), CONTEXT - 100));
    // Text output cannot hold the record's word of it.
    let tool = bench
        .run()
        .args(["--on-overflow", "tail", "-c", &context, "-T"]);
    let ran = tool
        .args(["-f", "long.txt", "-n", "2"])
        .run()
        .exits(0)
        .says("the text of line 1 does not fit the context");
    assert!(
        ran.stderr().contains("tokens were cut from its end"),
        "{ran}"
    );
    // A template's own words are no text, and earlier turns are not cut.
    let words = "Word by word. ".repeat(20);
    let template = format!("{{{{text}}}}\n{words}");
    let shown = bench
        .run()
        .args(["-f", "long.txt", "--template", &template])
        .args(["--on-overflow", "middle", "-c", &context, "-n", "8"])
        .args(["--show-prompt", "-T"])
        .run()
        .exits(0)
        .stdout();
    assert!(
        shown.contains(words.trim()) && shown.contains("1 — naïve"),
        "{shown}"
    );
    let line = json!({"messages": [
        {"role": "user", "content": words},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": long_text()},
    ]});
    let shown = bench
        .run()
        .args(["--jsonl", "I", "--on-overflow", "head", "-c", &context]);
    let shown = shown
        .args(["-n", "8", "--show-prompt"])
        .input(format!("{line}\n"));
    let shown = record(&shown.run().exits(0));
    let prompt = shown["text"].as_str().unwrap();
    assert!(
        prompt.contains(&format!("I\n\n{}", words.trim_end())),
        "{prompt}"
    );
    assert!(
        prompt.contains("Yes.") && prompt.contains("600 — naïve"),
        "{prompt}"
    );
    // Where the rest alone is too long, no cut of the text helps.
    let tool = bench
        .run()
        .args([&words.repeat(4), "--on-overflow", "head", "-c", &context]);
    let failed = record(&tool.args(["-p", "x y z", "-n", "4"]).run().exits(1));
    assert_eq!(failed["error"]["code"], "context_exceeded");
}

/// Lines with what a template, a guard and a tokenizer may look at, `bytes` of them.
fn mixed_text(bytes: usize) -> String {
    let mut text = String::new();
    let mut number = 0_u64;
    while text.len() < bytes {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let word = [
            "log",
            "<|im_end|>",
            "</think>",
            "naïve",
            "🦀\u{2581}",
            "user",
            "  a\t",
            "一二",
        ];
        text.push_str(word[(number >> 33) as usize % word.len()]);
        text.push_str(if number >> 40 & 7 == 0 { "\r\n" } else { " " });
    }
    text
}

/// A long text's prompt is counted without being made; the prompt that is shown is made.
#[test]
fn a_long_prompt_is_counted_as_it_is_made() {
    let bench = Bench::new();
    bench.file("long.txt", mixed_text(400_000));
    for more in [
        &[][..],
        &["--no-template"],
        &["--parse-special"],
        &["--system", "Be brief."],
    ] {
        let run = |what: &str| {
            let tool = bench
                .run()
                .args(["-f", "long.txt", "Sum it up", what])
                .args(more);
            record(&tool.run().exits(0))
        };
        let shown = run("--show-prompt");
        let counted = run("--count");
        let tokens = shown["tokens"].as_array().unwrap().len() as u64;
        assert!(tokens > 50_000, "{tokens}");
        assert_eq!(prompt_tokens(&counted), tokens, "{more:?}");
    }
}

#[test]
fn what_is_cut_from_a_long_text_is_counted_and_the_rest_is_its_end() {
    let bench = Bench::new();
    let text = mixed_text(3_000_000);
    bench.file("long.txt", &text);
    let run = |more: &[&str]| {
        let tool = bench
            .run()
            .args(["-f", "long.txt", "Sum it up", "-n", "4", "-c", "512"]);
        record(&tool.args(more).run().exits(0))
    };
    let whole = prompt_tokens(&run(&["--count"]));
    for part in ["head", "tail", "middle"] {
        let answer = run(&["--on-overflow", part]);
        let cut = answer["truncated"]["tokens"].as_u64().unwrap();
        assert_eq!(prompt_tokens(&answer) + cut, whole, "{part}");
        // As full as the context lets it be, but for the tokens of the answer.
        assert!((500..=508).contains(&prompt_tokens(&answer)), "{part}");
        let shown = run(&["--on-overflow", part, "--show-prompt"]);
        let shown = shown["text"].as_str().unwrap();
        let has = |kept: &str| shown.contains(kept.trim());
        let end = text.floor_char_boundary(text.len() - 200);
        let start = text.floor_char_boundary(200);
        assert_eq!(has(&text[end..]), part != "tail", "{part}: {shown}");
        assert_eq!(has(&text[..start]), part != "head", "{part}: {shown}");
        // What is kept of the text is a stretch of it, or two.
        if part == "head" {
            let from = shown.find("Sum it up\n\n").unwrap() + "Sum it up\n\n".len();
            let to = shown[from..]
                .find("<|im_end|>\n<|im_start|>assistant")
                .unwrap()
                + from;
            assert!(text.trim_end().ends_with(shown[from..to].trim()), "{shown}");
        }
    }
}

/// How long a text is, is known before anything is made of it.
#[test]
fn a_text_far_beyond_the_context_is_refused_by_its_length() {
    let bench = Bench::new();
    bench.file("long.txt", "a line of a log\n".repeat(1_500_000));
    let start = std::time::Instant::now();
    let ran = bench
        .run()
        .args(["-f", "long.txt", "Sum it up"])
        .run()
        .exits(1);
    let sentence = record(&ran)["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert_eq!(record(&ran)["error"]["code"], "context_exceeded");
    let told = sentence.strip_prefix("the prompt has at least ").unwrap();
    let (least, rest) = told.split_once(' ').unwrap();
    assert!(
        rest.starts_with("tokens and the context 8192;"),
        "{sentence}"
    );
    let counted = record(
        &bench
            .run()
            .args(["--count", "-f", "long.txt"])
            .run()
            .exits(0),
    );
    let least: u64 = least.parse().unwrap();
    assert!(
        least > 8192 && least <= prompt_tokens(&counted),
        "{sentence}"
    );
}

#[test]
fn pieces_are_the_input_and_have_no_more_tokens_than_asked_for() {
    let bench = Bench::new();
    let paragraph = "It rained. Nobody came, “not even” the postman! The pump — old — broke.\r\nThen it dried.\n\n";
    let text = format!(
        "\u{feff}{}{}{}🦀🦀🦀 end",
        paragraph.repeat(20),
        "x".repeat(500),
        " word".repeat(200)
    );
    bench.file("long.txt", &text);
    let tool = bench
        .run()
        .args(["--chunk", "40", "--show-prompt", "Sum up:"]);
    let prompts = records(&tool.args(["-f", "long.txt"]).run().exits(0));
    let mut at = '\u{feff}'.len_utf8();
    let mut pieces = String::new();
    for (index, prompt) in prompts.iter().enumerate() {
        assert_eq!(prompt["line"], index + 1);
        let number = |field: &str| usize::try_from(prompt["input"][field].as_u64().unwrap());
        let (offset, length) = (number("offset").unwrap(), number("length").unwrap());
        assert_eq!(offset, at);
        at += length;
        let piece = &text[offset..at];
        let shown = prompt["text"].as_str().unwrap();
        assert!(shown.contains(&format!("Sum up:\n\n{piece}")), "{shown}");
        pieces.push_str(&format!("{}\n", json!({"text": piece})));
    }
    assert_eq!(at, text.len());
    // A paragraph and a half fit: each of the first pieces is one.
    assert_eq!(prompts[1]["input"]["length"], paragraph.len());
    let tool = bench
        .run()
        .args(["--jsonl", "--count", "--no-template"])
        .input(pieces);
    for count in records(&tool.run().exits(0)) {
        let tokens = prompt_tokens(&count);
        assert!((1..=40).contains(&tokens), "{tokens}");
    }
}

#[test]
fn pieces_are_gone_on_with_and_feed_the_next_run() {
    let bench = Bench::new();
    bench.file("long.txt", "The sea is wide. ".repeat(40));
    let run = |more: &[&str]| {
        let tool = bench
            .run()
            .args(["--chunk", "64", "-n", "2", "-f", "long.txt"]);
        tool.args(["-o", "out.jsonl", "Go on:"])
            .args(more)
            .run()
            .exits(0)
    };
    run(&[]).says("done, 0 failed, 0 skipped");
    let out = bench.sandbox.path().join("out.jsonl");
    let whole = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<_> = whole.lines().collect();
    assert!(lines.len() > 2, "{whole}");
    // The last record is torn.
    std::fs::write(&out, &whole[..whole.len() - 20]).unwrap();
    run(&[]).says(&format!("1 done, 0 failed, {} skipped", lines.len() - 1));
    let offsets = |text: &str| {
        let offset = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            (record["input"]["offset"].clone(), record["text"].clone())
        };
        text.lines().map(offset).collect::<Vec<_>>()
    };
    let again = std::fs::read_to_string(&out).unwrap();
    assert_eq!(offsets(&again), offsets(&whole));
    let reduced = bench
        .pipe("llm-run --jsonl -n 1 'Shout:' < out.jsonl")
        .run();
    let reduced = records(&reduced.exits(0));
    let kept: Vec<_> = reduced
        .iter()
        .map(|one| one["input"]["offset"].clone())
        .collect();
    assert_eq!(
        json!(kept),
        json!(offsets(&whole).iter().map(|one| &one.0).collect::<Vec<_>>())
    );
    for (arguments, part) in [
        (&["--chunk", "7"][..], "from 8 to"),
        (&["--chunk", "64", "--lines"], "cannot be used with"),
        (&["--chunk", "64"], "is empty"),
    ] {
        bench
            .run()
            .args(arguments)
            .run()
            .exits(2)
            .writes("")
            .says(part);
    }
}
