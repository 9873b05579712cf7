//! The names that an API of this field gives a meaning, and which of their values ask for nothing. A name
//! that is read here (`settings`) is in no list of these.
//!
//! Each list names what it was made of, on 2026-11-30. A name that several APIs share stands in the first.
//! Left out are names of responses, of servers' own loading and routing, and Cohere's `k` and `p`, which
//! are any table's.

use serde_json::Value;

use crate::Values;

/// Fields that change no answer, whatever they hold: who asks, how the answer travels, what is cached, how
/// the work is laid out; and the parts of samplers that a field of `ANSWERS` turns on.
pub const INERT: &[&str] = &[
    // OpenAI, chat and completions (openai-python 3.57).
    "user",
    "metadata",
    "store",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "stream",
    "stream_options",
    "prediction",
    // Anthropic's messages.
    "cache_control",
    // Ollama's and LM Studio's.
    "keep_alive",
    "ttl",
    "draft_model",
    "draft_num_predict",
    // llama.cpp's server, tools/server/README.md.
    "dynatemp_exponent",
    "n_keep",
    "n_cache_reuse",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "dry_sequence_breakers",
    "xtc_threshold",
    "mirostat_tau",
    "mirostat_eta",
    "id_slot",
    "cache_prompt",
    "timings_per_token",
    "return_progress",
    "sse_ping_interval",
    "backend_sampling",
    // vLLM, entrypoints/openai/chat_completion/protocol.py.
    "priority",
    "request_id",
    "session_id",
    "cache_salt",
    "stream_interval",
    "guided_decoding_backend",
    // transformers, generation/configuration_utils.py.
    "use_cache",
    "cache_implementation",
    "cache_config",
    "renormalize_logits",
    "remove_invalid_values",
    "low_memory",
    "return_dict_in_generate",
    "pad_token_id",
    "prompt_lookup_num_tokens",
    // KoboldCpp, kcpp_docs.embd, and TabbyAPI.
    "genkey",
    "smoothing_curve",
    "rep_pen_slope",
    "speculative_ngram",
];

/// A field, the values of it that ask for nothing (null always does), and these in words, with the way out
/// where there is one.
pub(super) type Row = (&'static str, fn(&Value) -> bool, &'static str);

/// Fields that change what is answered, or what of it is told.
#[rustfmt::skip]
pub(super) const ANSWERS: &[Row] = &[
    // OpenAI, chat and completions (openai-python 3.57).
    ("n", is_one, "1; write the line once for each answer"),
    ("best_of", is_one, "1"),
    ("presence_penalty", is_zero, "0"),
    ("frequency_penalty", is_zero, "0"),
    ("top_logprobs", is_zero, "0"),
    ("logit_bias", is_empty, "{}"),
    ("functions", is_empty, "[]; 'tools' offers functions"),
    ("logprobs", is_false, "false"),
    ("echo", is_false, "false"),
    ("suffix", is_empty, "an empty text"),
    ("parallel_tool_calls", is_true, "true"),
    ("modalities", is_text_alone, "[\"text\"]"),
    ("response_format", is_text_type, "{\"type\":\"text\"}"),
    ("tool_choice", is_free, "\"auto\" or \"none\""),
    ("function_call", is_free, "\"auto\" or \"none\""),
    ("audio", never, "null"),
    ("reasoning_effort", never, "null; --think sets it"),
    ("verbosity", never, "null"),
    ("web_search_options", never, "null"),
    ("moderation", only_scores, "a policy that blocks nothing"),
    // OpenAI's responses.
    ("instructions", is_empty, "an empty text; write a message of the role 'system', or give --system"),
    ("previous_response_id", never, "null; write the conversation out in 'messages'"),
    ("conversation", is_empty, "null; write the conversation out in 'messages'"),
    ("context_management", is_empty, "[]"),
    ("reasoning", is_empty, "{}; --think sets it"),
    ("truncation", |value| value == "disabled", "\"disabled\"; --on-overflow cuts"),
    ("max_tool_calls", never, "null"),
    ("background", is_false, "false"),
    ("include", is_empty, "[]"),
    // llama.cpp's server, tools/server/README.md and server-task.cpp.
    ("dynatemp_range", is_zero, "0"),
    ("n_indent", is_zero, "0"),
    ("n_cmpl", is_one, "1"),
    ("typical_p", is_one, "1"),
    ("dry_multiplier", is_zero, "0"),
    ("xtc_probability", is_zero, "0"),
    ("top_n_sigma", is_off, "0 or less"),
    ("adaptive_target", is_off, "0 or less"),
    ("mirostat", is_zero, "0"),
    ("penalize_nl", is_true, "true"),
    ("grammar", is_empty, "an empty text"),
    ("json_schema", never, "null"),
    ("ignore_eos", is_false, "false"),
    ("n_probs", is_zero, "0"),
    ("min_keep", is_zero, "0"),
    ("t_max_predict_ms", is_off, "0 or less"),
    ("return_tokens", is_false, "false"),
    ("samplers", is_empty, "[]"),
    ("post_sampling_probs", is_false, "false"),
    ("response_fields", is_empty, "[]"),
    ("lora", is_empty, "[]"),
    ("image_data", is_empty, "[]"),
    ("input_prefix", is_empty, "an empty text"),
    ("input_suffix", is_empty, "an empty text"),
    ("input_extra", is_empty, "[]"),
    ("reasoning_format", |value| value == "auto", "\"auto\""),
    ("add_generation_prompt", is_true, "true"),
    // Ollama, api/types.go; its `options` are looked into.
    ("system", is_empty, "an empty text; write a message of the role 'system', or give --system"),
    ("template", is_empty, "an empty text; --chat-template FILE gives one"),
    ("context", is_empty, "[]; write the conversation out in 'messages'"),
    ("raw", is_false, "false; --no-template does it"),
    ("format", is_empty, "an empty text"),
    ("images", is_empty, "[]"),
    ("think", never, "null; --think sets it"),
    ("truncate", is_false, "false; --on-overflow cuts"),
    ("shift", is_false, "false; --on-overflow cuts"),
    ("num_ctx", never, "null; -c sets it"),
    ("tfs_z", is_one, "1"),
    ("penalize_newline", is_true, "true"),
    // vLLM, entrypoints/openai/chat_completion/protocol.py, and SGLang.
    ("use_beam_search", is_false, "false"),
    ("watermarking", is_false, "false"),
    ("length_penalty", is_one, "1"),
    ("stop_token_ids", is_empty, "[]; 'stop' takes texts"),
    ("include_stop_str_in_output", is_false, "false"),
    ("min_tokens", is_zero, "0"),
    ("skip_special_tokens", is_true, "true"),
    ("spaces_between_special_tokens", is_true, "true"),
    ("truncate_prompt_tokens", never, "null; --on-overflow cuts"),
    ("truncation_side", never, "null; --on-overflow cuts"),
    ("prompt_logprobs", never, "null"),
    ("logprob_token_ids", is_empty, "[]"),
    ("allowed_token_ids", is_empty, "[]; 'choices' names answers"),
    ("bad_words", is_empty, "[]"),
    ("continue_final_message", is_false, "false"),
    ("add_special_tokens", never, "null"),
    ("documents", is_empty, "[]"),
    ("chat_template", is_empty, "null; --chat-template FILE gives one"),
    ("chat_template_kwargs", is_empty, "{}; --think sets a template's switch for thinking"),
    ("media_io_kwargs", is_empty, "{}"),
    ("mm_processor_kwargs", is_empty, "{}"),
    ("structured_outputs", is_empty, "{}; 'choices' names answers"),
    ("guided_json", is_empty, "null"),
    ("guided_regex", is_empty, "null"),
    ("guided_choice", is_empty, "null; 'choices' names answers"),
    ("guided_grammar", is_empty, "null"),
    ("structural_tag", is_empty, "null"),
    ("thinking_token_budget", never, "null"),
    ("include_reasoning", is_true, "true"),
    ("return_tokens_as_token_ids", is_false, "false"),
    ("return_token_ids", is_false, "false"),
    ("return_prompt_text", is_false, "false; --show-prompt tells it"),
    ("kv_transfer_params", is_empty, "{}"),
    ("vllm_xargs", is_empty, "{}"),
    ("repetition_detection", never, "null"),
    ("logits_processors", is_empty, "[]"),
    ("sampling_params", is_empty, "{}; write its settings into the line itself"),
    ("regex", is_empty, "null"),
    ("ebnf", is_empty, "null"),
    ("lora_path", is_empty, "null"),
    ("stop_regex", is_empty, "null"),
    ("no_stop_trim", is_false, "false"),
    ("separate_reasoning", is_true, "true"),
    // Hugging Face's text-generation-inference, docs/openapi.json.
    ("parameters", is_empty, "{}; write its settings into the line itself"),
    ("do_sample", never, "null; 'temperature' sets it, 0 is greedy"),
    ("return_full_text", is_false, "false"),
    ("decoder_input_details", is_false, "false"),
    ("details", is_false, "false"),
    ("top_n_tokens", is_zero, "0"),
    ("watermark", is_false, "false"),
    ("adapter_id", is_empty, "null"),
    // transformers, generation/configuration_utils.py.
    ("max_length", never, "null; write 'max_tokens'"),
    ("min_length", is_zero, "0"),
    ("min_new_tokens", is_zero, "0"),
    ("early_stopping", is_false, "false"),
    ("max_time", never, "null; --timeout sets it"),
    ("stop_strings", is_empty, "[]; write 'stop'"),
    ("num_beams", is_one, "1"),
    ("num_beam_groups", is_one, "1"),
    ("penalty_alpha", is_zero, "0"),
    ("dola_layers", never, "null"),
    ("epsilon_cutoff", is_zero, "0"),
    ("eta_cutoff", is_zero, "0"),
    ("diversity_penalty", is_zero, "0"),
    ("encoder_repetition_penalty", is_one, "1"),
    ("no_repeat_ngram_size", is_zero, "0"),
    ("encoder_no_repeat_ngram_size", is_zero, "0"),
    ("bad_words_ids", is_empty, "[]"),
    ("force_words_ids", is_empty, "[]"),
    ("constraints", is_empty, "[]"),
    ("forced_bos_token_id", never, "null"),
    ("forced_eos_token_id", never, "null"),
    ("exponential_decay_length_penalty", never, "null"),
    ("suppress_tokens", is_empty, "[]"),
    ("begin_suppress_tokens", is_empty, "[]"),
    ("sequence_bias", is_empty, "{}"),
    ("token_healing", is_false, "false"),
    ("guidance_scale", is_one, "1"),
    ("watermarking_config", is_empty, "{}"),
    ("num_return_sequences", is_one, "1; write the line once for each answer"),
    ("output_scores", is_false, "false"),
    ("output_logits", is_false, "false"),
    ("output_attentions", is_false, "false"),
    ("output_hidden_states", is_false, "false"),
    ("bos_token_id", never, "null"),
    ("eos_token_id", never, "null; 'stop' takes texts"),
    ("generation_config", is_empty, "{}; write its settings into the line itself"),
    // Anthropic's messages.
    ("thinking", is_disabled, "{\"type\":\"disabled\"}; --think sets it"),
    ("max_tokens_to_sample", never, "null; write 'max_tokens'"),
    ("mcp_servers", is_empty, "[]"),
    ("output_config", is_empty, "{}"),
    ("output_format", is_text_type, "{\"type\":\"text\"}"),
    // Mistral's chat.
    ("safe_prompt", is_false, "false"),
    ("prompt_mode", never, "null; --think sets it"),
    ("guardrails", is_empty, "[]"),
    // LM Studio's, and the clouds that serve open weights.
    ("context_length", never, "null; -c sets it"),
    ("integrations", is_empty, "[]"),
    ("enable_thinking", never, "null; --think sets it"),
    ("thinking_budget", never, "null"),
    ("extra_body", is_empty, "{}; write its settings into the line itself"),
    // KoboldCpp, kcpp_docs.embd, and TabbyAPI.
    ("max_context_length", never, "null; -c sets it"),
    ("rep_pen", is_one, "1; write 'repeat_penalty'"),
    ("rep_pen_range", is_zero, "0; write 'repeat_last_n'"),
    ("penalty_range", is_zero, "0; write 'repeat_last_n'"),
    ("repetition_decay", is_zero, "0"),
    ("sampler_order", is_empty, "[]"),
    ("sampler_priority", is_empty, "[]"),
    ("sampler_seed", never, "null; write 'seed'"),
    ("stop_sequence", is_empty, "[]; write 'stop'"),
    ("trim_stop", is_true, "true"),
    ("tfs", is_one, "1"),
    ("top_a", is_zero, "0"),
    ("typical", is_one, "1"),
    ("nsigma", is_zero, "0"),
    ("smoothing_factor", is_zero, "0"),
    ("skew", is_zero, "0"),
    ("mirostat_mode", is_zero, "0"),
    ("temperature_last", is_false, "false"),
    ("use_default_badwordsids", is_false, "false"),
    ("grammar_retain_state", is_false, "false"),
    ("grammar_string", is_empty, "an empty text"),
    ("regex_pattern", is_empty, "an empty text"),
    ("memory", is_empty, "an empty text; write it before the prompt"),
    ("render_special", is_false, "false"),
    ("bypass_eos", is_false, "false"),
    ("ban_eos_token", is_false, "false"),
    ("add_bos_token", is_true, "true"),
    ("banned_tokens", is_empty, "[]"),
    ("banned_strings", is_empty, "[]"),
    ("generate_window", never, "null"),
    ("cfg_scale", is_one, "1"),
    ("negative_prompt", is_empty, "an empty text"),
];

/// Fields that change a vector, or the form that it comes in.
#[rustfmt::skip]
pub(super) const VECTORS: &[Row] = &[
    // OpenAI's embeddings (openai-python 3.57).
    ("dimensions", never, "null; --dimensions sets it"),
    ("encoding_format", |value| value == "float", "\"float\"; --encoding sets it"),
    // Ollama, api/types.go.
    ("truncate", is_false, "false; --on-overflow truncate cuts"),
    // llama.cpp's server, tools/server/README.md.
    ("embd_normalize", never, "null; the model's files say it"),
    // text-embeddings-inference and vLLM.
    ("normalize", never, "null; the model's files say it"),
    ("truncation_direction", never, "null; --on-overflow truncate cuts the end"),
    ("truncation_side", never, "null; --on-overflow truncate cuts the end"),
    ("truncate_prompt_tokens", never, "null; --on-overflow truncate cuts"),
    ("prompt_name", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("add_special_tokens", is_true, "true"),
    ("embed_dtype", |value| value == "float32", "\"float32\""),
    ("pooling", never, "null; --pooling sets it"),
    // The clouds' (Cohere, Jina, Mistral, Voyage).
    ("input_type", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("task", never, "null; --query, --document or --prompt sets what is put before a text"),
    ("embedding_type", |value| value == "float", "\"float\"; --encoding sets it"),
    ("embedding_types", is_empty, "[]; --encoding sets it"),
    ("output_dtype", |value| value == "float", "\"float\"; --encoding sets it"),
    ("output_dimension", never, "null; --dimensions sets it"),
    ("normalized", never, "null; the model's files say it"),
    ("late_chunking", is_false, "false"),
    ("truncation", is_false, "false; --on-overflow truncate cuts"),
];

/// Keys of Ollama's `options` that lay the work out and change no answer.
pub(super) const LAYOUT: &[&str] = &[
    "num_keep",
    "numa",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "low_vram",
    "f16_kv",
    "logits_all",
    "vocab_only",
    "use_mmap",
    "use_mlock",
    "num_thread",
];

fn never(_: &Value) -> bool {
    false
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn is_off(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number <= 0.0)
}

fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}

fn is_false(value: &Value) -> bool {
    value == false
}

fn is_true(value: &Value) -> bool {
    value == true
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn is_text_alone(value: &Value) -> bool {
    let list = value.as_array();
    list.is_some_and(|list| list.iter().all(|one| one == "text"))
}

fn is_text_type(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "text")
}

fn is_disabled(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "disabled")
}

/// As OpenAI writes it, or Anthropic.
fn is_free(value: &Value) -> bool {
    let kind = value.get("type").unwrap_or(value);
    kind == "auto" || kind == "none"
}

/// Whether a request for moderation is of no effect on the answer: scores are told beside it.
fn only_scores(value: &Value) -> bool {
    let policy = value.get("policy").and_then(Value::as_object);
    let modes = policy.into_iter().flat_map(Values::values);
    let mut modes = modes.filter(|one| !one.is_null()).map(|one| &one["mode"]);
    value.is_object() && modes.all(|mode| mode == "score")
}
