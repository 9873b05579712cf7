//! What other makers write of usage: one example of each form, cut from its documentation or written as its
//! program writes it, and sums by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use llm_cost::usage::{UsageLog, UsageTotals};
use llm_cost::{Catalogue, Seconds, Usd};

/// Input, from a cache, into one, for an hour of them, output.
fn tokens(log: &UsageLog) -> [f64; 5] {
    let sums = UsageTotals::of(&log.entries);
    [
        sums.input,
        sums.cached,
        sums.written,
        sums.written_1h,
        sums.output,
    ]
}

fn read(text: &str) -> UsageLog {
    let log = UsageLog::read(text);
    assert_eq!((log.broken, log.unsound), (0, 0), "{text}");
    log
}

fn paid(log: &UsageLog) -> (Option<Usd>, u64) {
    let sums = UsageTotals::of(&log.entries);
    let cents = sums.paid.map(|usd| Usd((usd.0 * 1e6).round() / 1e6));
    (cents, sums.unpaid)
}

fn days(log: &UsageLog) -> f64 {
    UsageTotals::of(&log.entries).span().unwrap() / Seconds(86_400.0)
}

/// By hand, at GPT-6 Sol's prices by batch: 10,000 new at 2, 20,000 from the cache at 0.2, 70,000 into it at
/// 2.5, 1,000 out at 10 are 0.2090, and half of it.
#[test]
fn what_openai_wrote_to_a_cache_is_billed() {
    let log = read(
        r#"{"custom_id":"a","response":{"status_code":200,"body":{"object":"chat.completion","created":1793600000,
        "model":"gpt-6-sol","usage":{"prompt_tokens":100000,"completion_tokens":1000,
        "prompt_tokens_details":{"cached_tokens":20000,"cache_write_tokens":70000}}}}}"#,
    );
    let price = Catalogue::builtin().price("openai/gpt-6-sol").unwrap();
    assert!((log.entries[0].cost_at(price, None).0 - 0.1045).abs() < 1e-12);
}

#[test]
fn plain_answers_of_providers_are_read() {
    let log = read(
        r#"{"id":"c","object":"chat.completion","created":1793600000,"model":"gpt-5","usage":{"prompt_tokens":10,"completion_tokens":2}}
{"id":"r","object":"response","created_at":1793686400.0,"model":"gpt-5","service_tier":"flex","usage":{"input_tokens":10,"output_tokens":2}}
{"object":"list","model":"text-embedding-3-small","data":[{"object":"embedding","embedding":[1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}
{"type":"message","role":"assistant","model":"claude-sonnet-5-5","usage":{"input_tokens":3,"output_tokens":4}}
{"candidates":[],"modelVersion":"gemini-3.8-flash","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1,"thoughtsTokenCount":5}}
{"key":"k","response":{"modelVersion":"gemini-3.8-flash","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}}}
{"object":"chat.completion.chunk","created":1793600000,"choices":[{"delta":{}}],"usage":null}
"#,
    );
    assert_eq!(tokens(&log), [49.0, 0.0, 0.0, 0.0, 15.0]);
    let batch: Vec<bool> = log.entries.iter().map(|entry| entry.by_batch).collect();
    assert_eq!(batch, [false, true, false, false, false, true]);
    assert_eq!(days(&log), 1.0);
    assert_eq!(log.others.get("chat.completion.chunk"), Some(&1));
}

/// An answer is written as it grows and counts once, as far as it grew; in another file as well.
#[test]
fn an_answer_of_a_transcript_counts_once() {
    let line = |output: u32, id: &str| {
        format!(
            r#"{{"type":"assistant","timestamp":"2026-11-20T10:00:01.000Z","requestId":"r","message":{{"id":"{id}",
            "model":"claude-sonnet-5-5","usage":{{"input_tokens":2,"cache_creation_input_tokens":8655,
            "cache_read_input_tokens":15030,"output_tokens":{output}}}}}}}"#
        )
        .replace('\n', "")
    };
    let user = r#"{"type":"user","message":{"role":"user","content":"hi"},"timestamp":"2026-11-20T10:00:00.000Z"}"#;
    let mut log = read(&[user, &line(1, "m"), &line(400, "m"), &line(3, "n")].join("\n"));
    assert_eq!(tokens(&log), [47_374.0, 30_060.0, 17_310.0, 0.0, 403.0]);
    log.add(read(&line(400, "m")));
    assert_eq!(log.entries.len(), 2);
}

/// By hand, at Sonnet 4.6's prices by batch: 9 new at 3, 1,000 for an hour at 6, 200 read at 0.3, 25 out at 15
/// are 0.006462, and half of it.
#[test]
fn results_of_an_anthropic_batch_have_their_hours_in_the_cache() {
    let log = read(
        r#"{"custom_id":"a","result":{"type":"succeeded","message":{"type":"message","model":"claude-sonnet-4-6",
        "usage":{"input_tokens":9,"cache_creation_input_tokens":1000,"cache_read_input_tokens":200,
        "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":1000},"output_tokens":25,
        "service_tier":"batch"}}}}
        {"custom_id":"b","result":{"type":"errored","error":{"type":"error"}}}"#,
    );
    assert_eq!(
        (tokens(&log), log.failed),
        ([1209.0, 200.0, 1000.0, 1000.0, 25.0], 1)
    );
    let price = Catalogue::builtin().price("claude-sonnet-4.6").unwrap();
    assert!((log.entries[0].cost_at(price, None).0 - 0.003_231).abs() < 1e-12);
}

#[test]
fn exports_of_organizations_cover_the_days_without_use() {
    let openai = r#"{"object":"page","data":[
        {"object":"bucket","start_time":1793577600,"end_time":1793664000,"results":[
            {"object":"organization.usage.completions.result","input_tokens":1000,"output_tokens":500,
             "input_cached_tokens":800,"input_audio_tokens":7,"num_model_requests":5,"model":"gpt-5","batch":true}]},
        {"object":"bucket","start_time":1793664000,"end_time":1793750400,"results":[]}],"has_more":true}"#;
    let log = read(openai);
    assert_eq!(tokens(&log), [1000.0, 800.0, 0.0, 0.0, 500.0]);
    assert!(log.more_pages && log.entries[0].by_batch && log.entries[0].requests == 5);
    assert!((log.month(None).unwrap().volume.input.0 - 1e-3 * 365.0 / 12.0 / 2.0).abs() < 1e-12);
    assert!(log.unbilled().unwrap().contains("7 audio tokens"));
    let anthropic = r#"{"data":[{"starting_at":"2026-11-01T00:00:00Z","ending_at":"2026-11-02T00:00:00Z","results":[
        {"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,
         "ephemeral_5m_input_tokens":500},"cache_read_input_tokens":200,"output_tokens":500,
         "server_tool_use":{"web_search_requests":10},"model":"claude-sonnet-5-5","service_tier":"standard"}]}]}"#;
    let log = read(anthropic);
    assert_eq!(tokens(&log), [3200.0, 200.0, 1500.0, 1000.0, 500.0]);
    assert_eq!(days(&log), 1.0);
    assert!(log.unbilled().unwrap().contains("10 web searches"));
}

#[test]
fn tables_and_spend_logs_are_known_by_their_columns() {
    let log = read(
        "date,model,input_tokens,output_tokens\n2026-11-01,gpt-5,1000,200\n2026-11-10,gpt-5,1,1\n\n",
    );
    assert_eq!(
        (tokens(&log), days(&log)),
        ([1001.0, 0.0, 0.0, 0.0, 201.0], 10.0)
    );
    assert_eq!(log.entries[0].prompt(), None);
    let console = "usage_date_utc;model_version;usage_input_tokens_no_cache;usage_input_tokens_cache_write_5m;\
        usage_input_tokens_cache_write_1h;usage_input_tokens_cache_read;usage_output_tokens\n\
        2026-11-01;\"claude; sonnet\";10;20;30;40;50\n";
    let log = read(console);
    assert_eq!(tokens(&log), [100.0, 40.0, 50.0, 30.0, 50.0]);
    assert_eq!(log.entries[0].model, "claude; sonnet");
    let litellm = r#"[{"request_id":"x","call_type":"acompletion","spend":0.0021,"total_tokens":1200,"prompt_tokens":1000,
        "completion_tokens":200,"startTime":"2026-11-20T10:00:00Z","model":"gpt-5"},
        {"request_id":"y","spend":0,"prompt_tokens":0,"completion_tokens":0,"status":"failure"}]"#;
    let log = read(litellm);
    assert_eq!(
        (tokens(&log), log.failed),
        ([1000.0, 0.0, 0.0, 0.0, 200.0], 1)
    );
    assert_eq!(paid(&log), (Some(Usd(0.0021)), 0));
    assert_eq!(log.entries[0].prompt(), Some(1000.0));
    let openrouter = r#"{"data":[{"date":"2026-11-01","model":"openai/gpt-5","usage":0.015,"requests":5,
        "prompt_tokens":50,"completion_tokens":125,"reasoning_tokens":25}]}"#;
    let log = read(openrouter);
    assert_eq!(
        (tokens(&log), paid(&log)),
        ([50.0, 0.0, 0.0, 0.0, 125.0], (Some(Usd(0.015)), 0))
    );
    let torn =
        UsageLog::read("date,model,prompt_tokens\n2026-11-01,a\n2026-11-01,a,-4\n2026-11-01,a,7\n");
    assert_eq!((torn.broken, torn.unsound, torn.entries.len()), (1, 1, 1));
}

/// The reports of ccusage's Codex edition, of its sessions, and with the object `breakdown`.
#[test]
fn every_report_of_ccusage_keeps_its_days_and_costs() {
    let codex = r#"{"daily":[{"date":"Nov 02, 2026","inputTokens":6000000,"cachedInputTokens":5000000,"outputTokens":40000,
        "totalTokens":6040000,"costUSD":2.275,"models":{"gpt-5":{"inputTokens":6000000,"cachedInputTokens":5000000,
        "outputTokens":40000,"totalTokens":6040000}}},{"date":"Nov 11, 2026","inputTokens":2,"outputTokens":2,
        "costUSD":0.7875,"models":{"a":{"inputTokens":1,"outputTokens":1},"b":{"inputTokens":1,"outputTokens":1}}}]}"#;
    let log = read(codex);
    assert_eq!((days(&log), paid(&log)), (10.0, (Some(Usd(3.0625)), 0)));
    // Of two models none is known to have cost what their row did.
    let of_a = log.entries.iter().filter(|entry| entry.model == "a");
    let sums = UsageTotals::of(of_a);
    assert_eq!((sums.paid, sums.unpaid), (None, 1));
    let sessions = r#"{"session":[{"agent":"claude","inputTokens":5000,"outputTokens":10000,"cacheCreationTokens":20000,
        "cacheReadTokens":300000,"metadata":{"lastActivity":"2026-11-02T10:00:00.000Z"},"period":"2026-a-name",
        "totalCost":0.33,"modelBreakdowns":[{"modelName":"m","inputTokens":5000,"outputTokens":10000,
        "cacheCreationTokens":20000,"cacheReadTokens":300000,"cost":0.33}]},
        {"period":"b","inputTokens":1,"outputTokens":1,"metadata":{"lastActivity":"2026-11-11T11:00:00.000Z"}}]}"#;
    let log = read(sessions);
    assert_eq!((days(&log), paid(&log)), (10.0, (Some(Usd(0.33)), 1)));
    let breakdown = r#"{"type":"daily","data":[{"date":"2026-05-16","models":["a","b"],"inputTokens":277,"outputTokens":31456,
        "costUSD":17.58,"breakdown":{"a":{"inputTokens":100,"outputTokens":15000,"costUSD":10.25},
        "b":{"inputTokens":177,"outputTokens":16456,"costUSD":7.33}}}]}"#;
    let log = read(breakdown);
    assert_eq!((paid(&log), log.entries.len()), ((Some(Usd(17.58)), 0), 2));
}

/// Nothing that a stranger's file holds ends the program.
#[test]
fn strange_values_are_passed_over() {
    for text in [
        r#"{"results":7}"#,
        r#"{"data":[{"results":[{}]}]}"#,
        r#"{"object":"response","usage":{"input_tokens":"x"}}"#,
        r#"{"message":{"usage":{}}}"#,
        r#"{"usageMetadata":{}}"#,
        r#"{"custom_id":1,"result":null}"#,
        "input_tokens\n\"\n",
        "prompt_tokens,date\n1,9999-99-99\n",
        r#"{"prompt_tokens":1,"startTime":1e308}"#,
    ] {
        let log = UsageLog::read(text);
        assert!(
            log.entries.iter().all(|entry| entry.timestamp.is_none()),
            "{text}"
        );
    }
}
