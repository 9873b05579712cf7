//! The check that every record of every program has to pass: the checked-in JSON Schema, and a second
//! set of types, written by hand and closed, so that a field that is added, renamed or dropped fails.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::harness::Ran;

/// The beginning of 2025 in Unix seconds.
const YEAR_2025: u64 = 1_735_689_600;

const SCHEMA: &str = include_str!("../../crates/llm-record/schema/record.json");

/// Returns the records on standard output, each of which has passed both checks.
#[track_caller]
pub fn records(ran: &Ran) -> Vec<Value> {
    let records = ran.records();
    for record in &records {
        if let Err(fault) = check(record) {
            ran.fail(&format!("{fault}: {record}"));
        }
    }
    records
}

/// Returns the only record.
#[track_caller]
pub fn record(ran: &Ran) -> Value {
    let mut records = records(ran);
    match (records.pop(), records.len()) {
        (Some(record), 0) => record,
        _ => ran.fail("expected one record"),
    }
}

/// Returns a record without what differs from run to run: times and the clock.
pub fn timeless(mut record: Value) -> Value {
    let fields = record.as_object_mut().unwrap();
    fields.remove("metrics");
    fields.remove("created");
    // What was at hand already depends on what else ran, and when.
    if let Some(usage) = fields.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("prompt_tokens_details");
    }
    record
}

/// Checks one record.
pub fn check(record: &Value) -> Result<(), String> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    validator
        .validate(record)
        .map_err(|fault| format!("not as the schema says ({fault})"))?;
    Mirror::deserialize(record).map_err(|fault| format!("not as the contract says ({fault})"))?;
    // A clock that is wrong by years would spoil every bill.
    match record.get("created").and_then(Value::as_u64) {
        Some(created) if created < YEAR_2025 => Err(format!("created in {created}")),
        _ => Ok(()),
    }
}

/// The contract of the pipes, version 1.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "that each field is there is what is tested")]
enum Mirror {
    Model(Box<Model>),
    Delta(Delta),
    Completion(Box<Completion>),
    Count(Count),
    Prompt(RenderedPrompt),
    Bench(Box<Bench>),
    Perplexity(Perplexity),
    Tokens(Tokens),
    Replay(Box<Replay>),
    Embedding(Box<Embedding>),
    Hit(Box<Hit>),
    Pair(Box<Pair>),
    Estimate(Box<Estimate>),
    Error(Failure),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Bench {
    schema_version: Version,
    build_commit: String,
    cpu_info: String,
    gpu_info: String,
    backends: String,
    model_filename: String,
    model_type: Option<String>,
    model_size: Option<u64>,
    model_n_params: Option<u64>,
    n_batch: u64,
    n_ubatch: u64,
    n_threads: u64,
    cpu_mask: String,
    cpu_strict: bool,
    type_k: String,
    type_v: String,
    n_gpu_layers: u64,
    split_mode: String,
    main_gpu: u64,
    no_kv_offload: bool,
    flash_attn: u64,
    devices: String,
    tensor_buft_overrides: String,
    load_mode: Option<String>,
    embeddings: bool,
    n_prompt: u64,
    n_gen: u64,
    n_depth: u64,
    n_parallel: u64,
    logits: Option<String>,
    test_time: String,
    error: Option<Fault>,
    avg_ns: Option<u64>,
    stddev_ns: Option<u64>,
    avg_ts: Option<f64>,
    stddev_ts: Option<f64>,
    #[serde(default)]
    samples_ns: Vec<u64>,
    #[serde(default)]
    samples_ts: Vec<f64>,
    ttft_ns_p50: Option<u64>,
    ttft_ns_p95: Option<u64>,
    itl_ns_p50: Option<u64>,
    itl_ns_p95: Option<u64>,
    load_ns: Option<u64>,
    peak_rss_bytes: Option<u64>,
    cpu_cores: Option<u64>,
    memory_bytes: Option<u64>,
    limits: Option<Limits>,
    bandwidth_fraction: Option<f64>,
    compute_fraction: Option<f64>,
    extrapolated: bool,
    n_layers_timed: Option<u64>,
    needed_bytes: Option<u64>,
    fits: Option<bool>,
    model: Option<BenchModel>,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Limits {
    read_bytes_per_second: f64,
    integer_macs_per_second: f64,
    float_macs_per_second: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct BenchModel {
    name: String,
    digest: Option<String>,
    quantization: String,
    architecture: String,
    layers: u64,
    synthetic: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Perplexity {
    schema_version: Version,
    text: String,
    n_ctx: u64,
    n_chunks: u64,
    n_scored: u64,
    perplexity: f64,
    perplexity_stderr: f64,
    total_ns: u64,
    model: BenchModel,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Tokens {
    schema_version: Version,
    tokens: Vec<u32>,
    model: TokenizerIdentity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct TokenizerIdentity {
    name: String,
    digest: String,
    file: String,
    tokenizer: String,
    vocabulary: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Model {
    schema_version: Version,
    name: String,
    repo: Option<String>,
    revision: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    digest: Option<String>,
    #[serde(default)]
    files: Vec<File>,
    architecture: Option<String>,
    parameters: Option<u64>,
    quantization: Option<String>,
    context_length: Option<u64>,
    chat_template: Option<bool>,
    tokenizer: Option<String>,
    vocabulary: Option<u64>,
    license: Option<String>,
    memory: Option<u64>,
    fits: Option<bool>,
    purpose: Option<String>,
    runnable: Option<bool>,
    obstacle: Option<String>,
    action: Option<Action>,
    lora: Option<AdapterHeader>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct AdapterHeader {
    format: String,
    base_model: Option<String>,
    rank: u64,
    alpha: f64,
    tensors: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct File {
    path: String,
    size: u64,
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pulled,
    Present,
    Imported,
    Removed,
    Planned,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Delta {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    text: String,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct ToolCall {
    index: Option<u64>,
    id: String,
    r#type: ToolKind,
    function: FunctionCall,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ToolKind {
    Function,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct FunctionCall {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Completion {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    text: String,
    json: Option<Value>,
    reasoning_content: Option<String>,
    choices: Option<Vec<Choice>>,
    logprobs: Option<Logprobs>,
    tool_calls: Option<Vec<ToolCall>>,
    tool_error: Option<String>,
    messages: Option<Vec<Value>>,
    finish_reason: FinishReason,
    truncated: Option<Truncated>,
    usage: Usage,
    metrics: Metrics,
    created: u64,
    input: Option<Map<String, Value>>,
    request: Option<Request>,
    model: Identity,
    sampling: Sampling,
    request_digest: String,
    occurrence: Option<u64>,
    ignored: Option<Vec<String>>,
    requested_model: Option<String>,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Choice {
    text: String,
    logprob: f64,
    probability: f64,
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Logprobs {
    content: Vec<TokenLogprob>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct TokenLogprob {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
    id: u32,
    top_logprobs: Vec<RankedToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct RankedToken {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
    id: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Request {
    id: Option<Id>,
    prompt: Option<String>,
    messages: Option<Vec<Map<String, Value>>>,
    tools: Option<Vec<Value>>,
    chat_template: Option<String>,
    think: Option<bool>,
    ctx_size: u64,
    max_tokens: i64,
    temperature: f64,
    top_k: u64,
    top_p: f64,
    min_p: f64,
    repeat_penalty: f64,
    repeat_last_n: i64,
    seed: u64,
    stop: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Truncated {
    tokens: u64,
    r#where: Place,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Embedding {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    embedding: Option<Value>,
    row: Option<u64>,
    encoding: Option<String>,
    scale: Option<f64>,
    dim: u64,
    usage: EmbeddingUsage,
    truncated: bool,
    windows: Option<u64>,
    pooling: String,
    normalized: bool,
    prompt: Option<String>,
    created: u64,
    text: Option<String>,
    input: Option<serde_json::Map<String, Value>>,
    model: Encoder,
    request_digest: String,
    occurrence: Option<u64>,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Hit {
    schema_version: Version,
    query: String,
    query_id: Option<Id>,
    rank: u64,
    score: f64,
    logit: Option<f64>,
    truncated: Option<bool>,
    created: u64,
    id: Option<Id>,
    line: u64,
    text: Option<String>,
    input: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Pair {
    schema_version: Version,
    score: f64,
    a: Found,
    b: Found,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Found {
    id: Option<Id>,
    line: u64,
    text: Option<String>,
    input: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct EmbeddingUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Encoder {
    name: String,
    digest: String,
    quantization: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Replay {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    same: bool,
    missing: Option<bool>,
    differs: Option<Part>,
    first_difference: Option<u64>,
    was: Option<String>,
    is: Option<String>,
    changed: Option<Vec<Circumstance>>,
    usage: Option<Usage>,
    created: u64,
    request_digest: Option<String>,
    occurrence: Option<u64>,
    model: Identity,
    build: Option<Build>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Head,
    Middle,
    Tail,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    ReasoningContent,
    Text,
    FinishReason,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Circumstance {
    ModelDigest,
    RequestDigest,
    Version,
    Simd,
    Device,
    Threads,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Estimate {
    schema_version: Version,
    lines: u64,
    failed: u64,
    prompt_tokens: u64,
    skipped: u64,
    shared_prefix_tokens: u64,
    max_completion_tokens: u64,
    parallel: u64,
    memory: Memory,
    speed: Option<Speed>,
    hours: Option<f64>,
    kwh: Option<f64>,
    cloud: Option<Cloud>,
    model: Identity,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Memory {
    weights_bytes: u64,
    cache_bytes: u64,
    overhead_bytes: u64,
    available_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Speed {
    prompt_tokens_per_second: f64,
    tokens_per_second: f64,
    parallel: u64,
    measured_ms: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Cloud {
    id: String,
    usd: f64,
    usd_by_batch: Option<f64>,
    as_of: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FinishReason {
    Stop,
    Length,
    Repetition,
    ToolCalls,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Details,
    completion_tokens_details: CompletionDetails,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct CompletionDetails {
    reasoning_tokens: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Details {
    cached_tokens: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Metrics {
    time_to_first_token_ms: Option<f64>,
    generation_time_ms: f64,
    mean_itl_ms: Option<f64>,
    tokens_per_second: Option<f64>,
    prompt_tokens_per_second: Option<f64>,
    load_ms: Option<f64>,
    busy_prefill_ms: Option<f64>,
    busy_decode_ms: Option<f64>,
    forced_tokens: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Identity {
    name: String,
    digest: String,
    quantization: Option<String>,
    architecture: String,
    file: String,
    template: TemplateUse,
    #[serde(default)]
    parse_special: bool,
    #[serde(default)]
    lora: Vec<Adapter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Adapter {
    name: String,
    digest: String,
    scale: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TemplateUse {
    Chat,
    File,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Sampling {
    greedy: bool,
    temperature: f64,
    top_k: u64,
    top_p: f64,
    min_p: f64,
    repeat_penalty: f64,
    repeat_last_n: i64,
    seed: u64,
    max_tokens: i64,
    stop: Option<Vec<String>>,
    choices: Option<Vec<String>>,
    stop_repetition: Option<bool>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    dry_multiplier: Option<f64>,
    dry_base: Option<f64>,
    dry_allowed_length: Option<u64>,
    dry_penalty_last_n: Option<i64>,
    dry_sequence_breakers: Option<Vec<String>>,
    top_n_sigma: Option<f64>,
    typical_p: Option<f64>,
    xtc_probability: Option<f64>,
    xtc_threshold: Option<f64>,
    dynatemp_range: Option<f64>,
    dynatemp_exponent: Option<f64>,
    mirostat: Option<u64>,
    mirostat_tau: Option<f64>,
    mirostat_eta: Option<f64>,
    adaptive_target: Option<f64>,
    adaptive_decay: Option<f64>,
    min_keep: Option<u64>,
    samplers: Option<Vec<String>>,
    logit_bias: Option<Vec<(Value, Value)>>,
    ignore_eos: Option<bool>,
    suppress_tokens: Option<Vec<u32>>,
    begin_suppress_tokens: Option<Vec<u32>>,
    logprobs: Option<u64>,
    structured_output: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Build {
    version: String,
    simd: String,
    device: String,
    threads: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Count {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    usage: Usage,
    created: u64,
    input: Option<Map<String, Value>>,
    model: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct RenderedPrompt {
    schema_version: Version,
    id: Option<Id>,
    line: u64,
    text: String,
    tokens: Vec<u32>,
    usage: Usage,
    created: u64,
    input: Option<Map<String, Value>>,
    model: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Failure {
    schema_version: Version,
    id: Option<Id>,
    line: Option<u64>,
    error: Fault,
    created: u64,
    input: Option<Map<String, Value>>,
    request_digest: Option<String>,
    occurrence: Option<u64>,
    text: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
struct Fault {
    code: Code,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Code {
    BadUtf8,
    BadJson,
    InputTooLong,
    BadRequest,
    MissingField,
    UnreadableFile,
    EmptyInput,
    ContextExceeded,
    TemplateFailed,
    GenerationFailed,
    OutOfMemory,
    ModelFailed,
    BadCsv,
    UnsupportedField,
    DuplicateId,
    IdConflict,
    Timeout,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "that each field is there is what is tested")]
enum Id {
    Text(String),
    Number(serde_json::Number),
}

/// The one version that there is.
#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct Version;

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match number {
            1 => Ok(Self),
            _ => Err(format!("schema_version {number} is not 1")),
        }
    }
}

#[test]
fn the_check_refuses_what_is_no_record() {
    let good = serde_json::json!({"type": "error", "schema_version": 1, "line": 3,
        "error": {"code": "bad_json", "message": "line 3 is not valid JSON"},
        "created": 1_790_000_000});
    assert_eq!(check(&good), Ok(()));
    for (pointer, value) in [
        ("/type", "success".into()),
        ("/schema_version", 2.into()),
        ("/line", "3".into()),
        ("/error/code", "bad_day".into()),
        ("/created", (-1).into()),
        ("/created", 0.into()),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(check(&bad).is_err(), "{bad}");
    }
    let mut more = good;
    more["more"] = true.into();
    assert!(check(&more).is_err());
}
