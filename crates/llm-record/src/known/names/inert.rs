//! Names that change no answer.

/// Fields that change no answer, whatever they hold: who asks, how the answer travels, what is cached, how
/// the work is laid out.
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
    "n_keep",
    "n_cache_reuse",
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

/// Keys of Ollama's `options` that lay the work out and change no answer.
pub(in crate::known) const LAYOUT: &[&str] = &[
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
