//! The checked-in JSON Schema equals what the types generate, and the types' own output and input pass
//! it. The real programs' output is checked by the tests of the root package.

#![recursion_limit = "256"] // for the longest record as one `json!`
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::PathBuf;

use llm_record::settings::{Domain, SETTINGS, SamplerName, Setting};
use llm_record::{BatchOutput, Incoming, Line, Record};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

/// A line of `--jsonl` input that is neither a record of ours nor a line of a batch file, as a schema. Fields that are not named here
/// are open to templates and `--keep`. The reader takes more than this says (`null` for absent, text
/// parts as content); whatever passes this schema it takes.
// The settings come from their table.
#[derive(JsonSchema, Deserialize)]
#[schemars(title = "Request")]
#[expect(dead_code, reason = "only the schema is made of it")]
struct RequestLine {
    /// The line's own name, written back as it is.
    id: Option<llm_record::Id>,
    /// The same under `OpenAI`'s name; counts where there is no `id`.
    custom_id: Option<llm_record::Id>,
    /// The conversation; counts before the three texts.
    #[schemars(length(min = 1))]
    messages: Option<Vec<Turn>>,
    /// The tools that the model may call in a conversation, as `OpenAI`'s API takes them.
    tools: Option<Vec<serde_json::Map<String, Value>>>,
    /// The prompt.
    prompt: Option<String>,
    /// The prompt, where there is none above.
    text: Option<String>,
    /// The prompt, where there is none above.
    input: Option<Value>,
    /// A JSON Schema of the answer.
    schema: Option<SchemaOf>,
    /// The same as OpenAI's API has it: an object with `type` `text`, `json_object` or `json_schema`.
    response_format: Option<ResponseFormat>,
    /// The LoRA adapters of those that the command line names: one's name, or a list of names and of objects
    /// with `name` or `id`, and `scale`; an empty list for none.
    lora: Option<Loras>,
}

/// A JSON Schema.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is made of it")]
enum SchemaOf {
    /// That holds for all values, or for none.
    Bool(bool),
    /// One with keywords.
    Keywords(serde_json::Map<String, Value>),
}

/// What an answer must look like, as OpenAI's API has it.
#[derive(JsonSchema, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "only the schema is made of it")]
enum ResponseFormat {
    /// Any text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that a schema describes.
    JsonSchema {
        /// The schema, with a name.
        json_schema: NamedSchema,
    },
}

/// A JSON Schema with a name.
#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct NamedSchema {
    /// The schema.
    schema: SchemaOf,
}

/// The adapters that a line chooses.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is made of it")]
enum Loras {
    /// One.
    Name(String),
    /// Several.
    List(Vec<OneLora>),
}

/// One adapter that a line chooses.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is made of it")]
enum OneLora {
    /// With the scale of the command line.
    Name(String),
    /// With a scale of its own.
    Choice(llm_record::LoraChoice),
}

/// One turn of a conversation. It has content or calls tools; fields that are not named here are open
/// to the chat template.
#[derive(JsonSchema, Deserialize)]
#[schemars(extend("anyOf" = [
    {"required": ["content"], "properties": {"content": {"type": "string"}}},
    {"required": ["tool_calls"], "properties": {"tool_calls": {"type": "array"}}},
]))]
#[expect(dead_code, reason = "only the schema is made of it")]
struct Turn {
    /// Who speaks: `system`, `user`, `assistant`, `tool`, or another role that the chat template knows.
    role: String,
    /// What is said.
    content: Option<String>,
    /// What the assistant thought before it said it.
    reasoning_content: Option<String>,
    /// What the assistant calls.
    tool_calls: Option<Vec<Call>>,
    /// Which call a tool answers.
    tool_call_id: Option<String>,
    /// The tool's, or the speaker's, name.
    name: Option<String>,
}

/// A call of a tool.
#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct Call {
    /// Its name, to which the answer refers.
    id: Option<String>,
    /// What is called, and with what.
    function: Function,
}

/// A function that is called.
#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct Function {
    /// Its name.
    name: String,
    /// Its arguments: an object, or one written as JSON in a string.
    arguments: Option<Value>,
}

/// Returns the schema of a line: what it asks, and the settings of the table.
fn request_schema() -> Schema {
    let mut schema = schema_for!(RequestLine);
    let properties = schema.get_mut("properties").unwrap();
    for setting in SETTINGS {
        let name = setting.name.to_owned();
        let property = setting_schema(setting);
        properties.as_object_mut().unwrap().insert(name, property);
    }
    schema
}

/// Returns the schema of a setting: what it is, and what it may be.
fn setting_schema(setting: &Setting) -> Value {
    let (kind, keywords) = match setting.domain {
        Domain::AtLeast(least) => ("integer", json!({"format": "int64", "minimum": least})),
        Domain::RaisedTo(_) => ("integer", json!({"format": "int64"})),
        Domain::Switch => ("boolean", json!({})),
        Domain::Seed => ("integer", json!({"format": "int64", "minimum": -1})),
        Domain::Number(interval) => {
            let mut keywords = json!({"format": "float"});
            if interval.has_least {
                keywords["minimum"] = interval.least.map(number).into();
            }
            if let Some(most) = interval.most {
                keywords["maximum"] = number(most);
            }
            if !interval.has_least
                && let Some(least) = interval.least
            {
                keywords["exclusiveMinimum"] = number(least);
            }
            ("number", keywords)
        }
        Domain::UpTo(most) => (
            "integer",
            json!({"format": "int64", "minimum": 0, "maximum": most}),
        ),
        Domain::Biases => return biases_schema(setting),
        Domain::Logprobs => {
            return json!({
                "description": setting.description,
                "type": ["integer", "boolean", "null"],
                "minimum": 0,
                "maximum": 20,
            });
        }
        Domain::Samplers => {
            let names = SamplerName::USUAL
                .into_iter()
                .chain([SamplerName::AdaptiveP]);
            let names: Vec<_> = names.collect();
            ("array", json!({"items": {"enum": names}}))
        }
        Domain::Ids => ("array", json!({"items": {"type": "integer", "minimum": 0}})),
        Domain::Breakers => (
            "array",
            json!({"items": {"type": "string", "minLength": 1}}),
        ),
        Domain::Texts => ("array", json!({"items": {"type": "string"}})),
        Domain::Labels => {
            let item = json!({"type": "string", "minLength": 1});
            (
                "array",
                json!({"items": item, "minItems": 1, "uniqueItems": true}),
            )
        }
    };
    let mut schema = json!({"description": setting.description, "type": [kind, "null"]});
    let keywords = keywords.as_object().unwrap().clone();
    schema.as_object_mut().unwrap().extend(keywords);
    schema
}

/// Returns the schema of biases: `OpenAI`'s object, or llama.cpp's list.
fn biases_schema(setting: &Setting) -> Value {
    let bias = json!({"anyOf": [{"type": "number"}, {"const": false}]});
    let token = json!({"type": ["integer", "string"]});
    let pair = json!({"type": "array", "prefixItems": [token, bias], "minItems": 2, "maxItems": 2});
    json!({
        "description": setting.description,
        "type": ["object", "array", "null"],
        "additionalProperties": bias,
        "items": pair,
    })
}

/// Returns a number as it is written.
fn number(number: f32) -> Value {
    if number.fract() == 0.0 {
        (number as i64).into()
    } else {
        serde_json::from_str(&number.to_string()).unwrap()
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(name)
}

/// Compares a schema with its file, or writes the file where `UPDATE_GENERATED=1`.
fn same_as_checked_in(name: &str, schema: &Schema) {
    let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::write(path(name), &text).unwrap();
    }
    let there = std::fs::read_to_string(path(name)).unwrap_or_default();
    assert!(
        there == text,
        "crates/llm-record/schema/{name} is stale; \
         UPDATE_GENERATED=1 cargo test --release -p llm-record writes it"
    );
}

/// Returns the schema of what is written: a field that is always written is required.
fn written_schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

fn record_schema() -> Schema {
    written_schema::<Record>()
}

/// Judges by the types' schema, which is the file's where `the_schemas_are_fresh` holds.
fn validator(schema: &Schema) -> jsonschema::Validator {
    jsonschema::validator_for(schema.as_value()).unwrap()
}

#[test]
fn the_schemas_are_fresh() {
    same_as_checked_in("record.json", &record_schema());
    same_as_checked_in("openai_batch_output.json", &written_schema::<BatchOutput>());
    same_as_checked_in("request.json", &request_schema());
}

/// A completion with every field that there is.
fn completion() -> Value {
    json!({
        "type": "completion", "schema_version": 1, "id": 7, "line": 1, "text": "Paris.",
        "reasoning_content": "An easy one.",
        "choices": [{"text": "Paris.", "logprob": -0.5, "probability": 0.75},
            {"text": "London.", "logprob": -1.5, "probability": 0.25}],
        "logprobs": {"content": [{"token": "Paris", "logprob": -0.5, "bytes": [80, 97, 114, 105, 115], "id": 7,
            "top_logprobs": [{"token": "It", "logprob": -1.5, "bytes": [73, 116], "id": 8}]}]},
        "tool_calls": [{"id": "0a1b2c3d4", "type": "function",
            "function": {"name": "find", "arguments": "{\"in\": \"Paris\"}"}}],
        "tool_error": "no tool 'find' was offered",
        "messages": [{"role": "user", "content": "Hi"}],
        "finish_reason": "stop", "truncated": {"tokens": 12, "where": "middle"},
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1}},
        "metrics": {"time_to_first_token_ms": 1.5, "generation_time_ms": 3.0, "mean_itl_ms": 0.75,
            "tokens_per_second": 1333.333, "prompt_tokens_per_second": 3333.333, "load_ms": 20.0,
            "busy_prefill_ms": 1.25, "busy_decode_ms": 0.5},
        "created": 1_790_000_000, "input": {"title": "x"},
        "model": {"name": "smollm2", "digest": "00", "quantization": "Q4_1",
            "architecture": "llama", "file": "m.gguf", "template": "chat",
            "parse_special": true,
            "lora": [{"name": "sql", "digest": "00", "scale": 0.5}]},
        "sampling": {"greedy": false, "temperature": 0.7, "top_k": 40, "top_p": 0.95,
            "min_p": 0.05, "repeat_penalty": 1.1, "repeat_last_n": 64, "seed": 42,
            "max_tokens": 1024, "stop": ["END"], "choices": ["Paris.", "London."],
            "stop_repetition": false, "presence_penalty": 0.5, "frequency_penalty": 0.25,
            "dry_multiplier": 0.75, "dry_base": 1.5, "dry_allowed_length": 3,
            "dry_penalty_last_n": -1, "dry_sequence_breakers": ["."], "top_n_sigma": 1.0,
            "typical_p": 0.5, "xtc_probability": 0.5, "xtc_threshold": 0.25,
            "dynatemp_range": 0.5, "dynatemp_exponent": 2.0, "mirostat": 2, "mirostat_tau": 4.0,
            "mirostat_eta": 0.25, "adaptive_target": 0.5, "adaptive_decay": 0.5, "min_keep": 3,
            "samplers": ["top_k", "temperature", "adaptive_p"],
            "logit_bias": [[5, -1.5], ["Hi", false]], "ignore_eos": true,
            "suppress_tokens": [7], "begin_suppress_tokens": [8], "logprobs": 1},
        "request_digest": "00", "occurrence": 2, "ignored": ["n"], "requested_model": "m",
        "build": {"version": "0.1.0", "simd": "avx2", "device": "cpu", "threads": 2}
    })
}

/// A benchmark's row with every field that there is.
fn bench() -> Value {
    json!({
        "type": "bench", "schema_version": 1, "build_commit": "0.1.0", "cpu_info": "x",
        "gpu_info": "", "backends": "CPU", "model_filename": "m.gguf", "model_type": "llama",
        "model_size": 5, "model_n_params": 9, "n_batch": 512, "n_ubatch": 256,
        "n_threads": 2, "cpu_mask": "0x0", "cpu_strict": false, "type_k": "f16", "type_v": "f16",
        "n_gpu_layers": 0, "split_mode": "none", "main_gpu": 0, "no_kv_offload": true,
        "flash_attn": 1, "devices": "none", "tensor_buft_overrides": "none", "load_mode": "mmap",
        "embeddings": false, "n_prompt": 512, "n_gen": 1, "n_depth": 0, "n_parallel": 1,
        "test_time": "2026-11-23T00:00:00Z",
        "error": {"code": "model_failed", "message": "no model named 'x'"},
        "avg_ns": 4, "stddev_ns": 1, "avg_ts": 1.5, "stddev_ts": 0.5, "samples_ns": [3, 5],
        "samples_ts": [1.0, 2.0], "ttft_ns_p50": 1, "ttft_ns_p95": 2, "itl_ns_p50": 3,
        "itl_ns_p95": 4, "load_ns": 5, "peak_rss_bytes": 6,
        "limits": {"read_bytes_per_second": 1.0, "integer_macs_per_second": 2.0,
            "float_macs_per_second": 3.0},
        "bandwidth_fraction": 0.5, "compute_fraction": 0.25, "extrapolated": true,
        "n_layers_timed": 4, "needed_bytes": 7, "fits": false,
        "model": {"name": "m", "digest": "00", "quantization": "Q4_K_M", "architecture": "llama",
            "layers": 80, "synthetic": false,
            "lora": [{"name": "sql", "digest": "00", "scale": 0.5}]},
        "build": {"version": "0.1.0", "simd": "avx2", "device": "cpu", "threads": 2}
    })
}

/// A record that keeps its request.
fn kept() -> Value {
    let mut kept = completion();
    kept["request"] = json!({"id": "a", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function"}], "chat_template": "{{ 1 }}", "think": true,
        "ctx_size": 96, "lora": [{"name": "sql", "scale": 0.5}], "max_tokens": 5, "temperature": 0.8, "stop": ["END"]});
    // After `input`, as it is written.
    let order = [
        "model",
        "sampling",
        "request_digest",
        "occurrence",
        "ignored",
        "requested_model",
        "build",
    ];
    let fields = kept.as_object_mut().unwrap();
    for name in order {
        if let Some(value) = fields.shift_remove(name) {
            fields.insert(name.into(), value);
        }
    }
    kept
}

/// Records of every kind, and of each those with and without what may be absent.
fn all_kinds() -> Vec<Value> {
    vec![
        completion(),
        json!({"type": "delta", "schema_version": 1, "id": "a", "line": 2, "text": "Pa"}),
        json!({"type": "error", "schema_version": 1, "line": 3,
            "error": {"code": "bad_json", "message": "line 3 is not valid JSON"}}),
        json!({"type": "error", "schema_version": 1, "line": 3,
            "error": {"code": "timeout", "message": "line 3 took longer than 5 seconds"},
            "created": 1_790_000_000,
            "input": {"k": 1}, "request_digest": "00", "occurrence": 3}),
        json!({"type": "model", "schema_version": 1, "name": "smollm2", "repo": "o/r",
            "files": [{"path": "m.gguf", "size": 1, "sha256": "00"}], "license": "Apache-2.0"}),
        json!({"type": "model", "schema_version": 1, "name": "a.gguf",
            "lora": {"format": "peft", "base_model": "o/r", "rank": 8, "alpha": 16.0,
                "tensors": 7}}),
        json!({"type": "count", "schema_version": 1, "line": 1,
            "usage": {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0}},
            "created": 1_790_000_000, "model": completion()["model"]}),
        json!({"type": "delta", "schema_version": 1, "line": 2, "text": "",
            "reasoning_content": "Hm"}),
        json!({"type": "prompt", "schema_version": 1, "id": "a", "line": 1, "text": "<s>Hi",
            "tokens": [1, 7], "usage": completion()["usage"], "created": 1_790_000_000, "input": {"k": 1},
            "model": completion()["model"]}),
        json!({"type": "tokens", "schema_version": 1, "tokens": [9906, 0],
            "model": {"name": "m", "digest": "00", "file": "m.gguf",
                "tokenizer": "gpt2/llama-bpe", "vocabulary": 128_256}}),
        kept(),
        json!({"type": "replay", "schema_version": 1, "id": "a", "line": 1, "same": false,
            "differs": "text", "first_difference": 2, "was": "abc", "is": "abd",
            "changed": ["model_digest", "request_digest", "version", "simd", "device", "threads"],
            "usage": completion()["usage"], "created": 1_790_000_000, "request_digest": "00",
            "occurrence": 2, "model": completion()["model"], "build": completion()["build"]}),
        json!({"type": "replay", "schema_version": 1, "line": 1, "same": false, "missing": true,
            "model": completion()["model"]}),
        json!({"type": "embedding", "schema_version": 1, "id": 1, "line": 1, "embedding": [0.5, -0.25],
            "dim": 2, "usage": {"prompt_tokens": 3, "total_tokens": 3}, "truncated": false,
            "pooling": "mean", "normalized": true, "prompt": "query: ", "input": {"k": 1},
            "model": {"name": "m", "digest": "00"}, "request_digest": "00", "occurrence": 2,
            "build": completion()["build"]}),
        json!({"type": "hit", "schema_version": 1, "query": "q", "rank": 1, "score": 0.5,
            "created": 1_790_000_000, "id": "a", "line": 3, "text": "x"}),
        json!({"type": "estimate", "schema_version": 1, "lines": 2, "failed": 1, "skipped": 0,
            "prompt_tokens": 20, "shared_prefix_tokens": 5, "max_completion_tokens": 30,
            "parallel": 2, "memory": {"weights_bytes": 1, "cache_bytes": 2, "overhead_bytes": 3,
                "available_bytes": 9},
            "speed": {"prompt_tokens_per_second": 9.5, "tokens_per_second": 3.5, "parallel": 2,
                "measured_ms": 1800.5},
            "hours": 0.5, "kwh": 0.25, "cloud": {"id": "p/m", "usd": 0.5, "usd_by_batch": 0.25,
                "as_of": "2026-10-26"},
            "model": completion()["model"], "build": completion()["build"]}),
        bench(),
        json!({"type": "perplexity", "schema_version": 1, "text": "t.txt", "n_ctx": 512,
            "n_chunks": 2, "n_scored": 510, "perplexity": 18.5, "perplexity_stderr": 0.25,
            "total_ns": 5, "model": bench()["model"], "build": completion()["build"]}),
    ]
}

#[test]
fn a_record_keeps_its_bytes_through_the_types_and_passes_the_schema() {
    let validator = validator(&record_schema());
    for value in all_kinds() {
        let text = value.to_string();
        let record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
        let faults: Vec<_> = validator
            .iter_errors(&value)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{text}: {faults:?}");
    }
}

#[test]
fn the_record_schema_refuses_what_is_no_record() {
    let validator = validator(&record_schema());
    let without = |field: &str| {
        let mut value = completion();
        value.as_object_mut().unwrap().remove(field);
        value
    };
    for field in [
        "type",
        "text",
        "line",
        "usage",
        "model",
        "sampling",
        "build",
        "finish_reason",
    ] {
        assert!(!validator.is_valid(&without(field)), "without {field}");
    }
    assert!(validator.is_valid(&without("id")));
    let mut wrong = completion();
    wrong["finish_reason"] = json!("bored");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn what_passes_the_request_schema_is_taken_and_the_rest_is_refused() {
    let validator = validator(&request_schema());
    for (line, good) in [
        (r#"{"prompt":"x"}"#, true),
        (
            r#"{"id":1,"messages":[{"role":"user","content":"x"}],"seed":-1,"other":{}}"#,
            true,
        ),
        (
            r#"{"custom_id":"c","text":"x","temperature":0.7,"stop":["a"]}"#,
            true,
        ),
        (r#"{"input":"x","top_p":1}"#, true),
        (r#"{"prompt":1}"#, false),
        (r#"{"prompt":"x","seed":-2}"#, false),
        (r#"{"prompt":"x","top_p":0}"#, false),
        (r#"{"prompt":"x","min_p":1.5}"#, false),
        (
            r#"{"prompt":"x","logit_bias":{"50256":-100},"samplers":["top_k"],"mirostat":2}"#,
            true,
        ),
        (
            r#"{"prompt":"x","logit_bias":[[5,1.5],["Hi",false]],"presence_penalty":-2}"#,
            true,
        ),
        (r#"{"prompt":"x","logit_bias":{"5":"much"}}"#, false),
        (r#"{"prompt":"x","logit_bias":[[5]]}"#, false),
        (r#"{"prompt":"x","samplers":["infill"]}"#, false),
        (r#"{"prompt":"x","mirostat":3}"#, false),
        (r#"{"prompt":"x","dry_base":0.5}"#, false),
        (r#"{"prompt":"x","suppress_tokens":[-1]}"#, false),
        (r#"{"prompt":"x","choices":["spam","ham"]}"#, true),
        (r#"{"prompt":"x","choices":[]}"#, false),
        (r#"{"prompt":"x","choices":["spam","spam"]}"#, false),
        (r#"{"prompt":"x","choices":["spam",""]}"#, false),
        (r#"{"messages":[]}"#, false),
        (r#"{"messages":[{"role":"user"}]}"#, false),
        (r#"{"messages":[{"role":"user","content":null}]}"#, false),
        (
            r#"{"messages":[{"role":"assistant","content":null,
                "tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}],
                "tools":[{"type":"function","function":{"name":"f"}}]}"#,
            true,
        ),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}"#,
            false,
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tools":["f"]}"#,
            false,
        ),
        (r#"{"id":{},"prompt":"x"}"#, false),
        (r#"["prompt"]"#, false),
    ] {
        let text = line.to_owned();
        assert_eq!(
            validator.is_valid(&serde_json::from_str(line).unwrap()),
            good,
            "{line}"
        );
        assert_eq!(
            Incoming::parse(Line { number: 1, text }).is_ok(),
            good,
            "{line}"
        );
    }
}
