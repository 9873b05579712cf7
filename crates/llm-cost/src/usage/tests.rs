//! Records of each maker become the same sums.

use super::*;

const OURS: &str = r#"{"type":"completion","schema_version":1,"line":1,"text":"x","finish_reason":"stop",
"usage":{"prompt_tokens":110,"completion_tokens":21,"total_tokens":131,"prompt_tokens_details":{"cached_tokens":10}},
"metrics":{"generation_time_ms":2500.0,"tokens_per_second":10.0,"prompt_tokens_per_second":200.0},
"created":1790000000,"model":{"name":"smollm2","digest":"00"}}"#;

#[test]
fn our_completions_bring_tokens_times_and_rates() {
    let line = OURS.replace('\n', "");
    let later = line.replace("1790000000", "1790086400");
    let log = UsageLog::read(&format!(
        "{line}\n{{\"type\":\"error\",\"error\":{{}}}}\n\n{later}\n"
    ));
    assert_eq!((log.entries.len(), log.failed, log.broken), (2, 1, 0));
    let sums = UsageTotals::of(&log.entries);
    assert_eq!(
        (sums.requests, sums.input, sums.cached, sums.output),
        (2, 220.0, 20.0, 42.0)
    );
    assert_eq!(sums.span(), Some(Seconds(86_400.0)));
    assert_eq!(sums.seconds, 5.0);
    assert_eq!(
        (log.measured(None).decode, log.measured(None).prefill),
        (Some(TokensPerSecond(10.0)), Some(TokensPerSecond(200.0)))
    );
    assert_eq!(day(1_790_000_000).as_deref(), Some("2026-09-21"));
}

#[test]
fn an_answer_that_was_cut_has_cost_its_tokens() {
    let line = r#"{"type":"error","line":1,"error":{"code":"incomplete","message":"m"},"created":1790000000,
        "usage":{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}}"#;
    let log = UsageLog::read(&line.replace('\n', ""));
    let sums = UsageTotals::of(&log.entries);
    assert_eq!((sums.input, sums.output, log.failed), (30.0, 12.0, 1));
}

#[test]
fn embeddings_count_and_benches_are_speeds() {
    let text = r#"{"type":"embedding","line":1,"usage":{"prompt_tokens":7,"total_tokens":7},"model":{"name":"m"}}
{"type":"bench","n_prompt":512,"n_gen":0,"n_parallel":1,"avg_ts":94.5,"cpu_info":"x","cpu_cores":2,"memory_bytes":4294967296}
{"type":"bench","n_prompt":0,"n_gen":128,"n_parallel":1,"avg_ts":11.25}
{"type":"bench","n_prompt":0,"n_gen":128,"n_parallel":8,"avg_ts":60}
{"type":"bench","n_prompt":0,"n_gen":128,"error":{"code":"x"}}
{"type":"model","name":"m"}
{"something":"else"}"#;
    let log = UsageLog::read(text);
    assert_eq!(UsageTotals::of(&log.entries).input, 7.0);
    assert_eq!(
        (
            log.benched(None, 0.0).decode,
            log.benched(None, 0.0).prefill
        ),
        (Some(TokensPerSecond(11.25)), Some(TokensPerSecond(94.5)))
    );
    assert_eq!(log.benches[0].computer.to_string(), "x, 2 cores, 4.0 GiB");
    let others: Vec<_> = log
        .others
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    assert_eq!(others, [("bench", 1), ("model", 1), ("unknown", 1)]);
}

#[test]
fn batches_of_openai_are_read_and_their_failures_counted() {
    let text = r#"{"id":"b1","custom_id":"a","response":{"status_code":200,"body":{"model":"gpt-5","created":1790000000,"usage":{"prompt_tokens":1000,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":400}}}},"error":null}
{"id":"b2","custom_id":"b","response":{"status_code":200,"body":{"model":"gpt-5","created_at":1790000100,"usage":{"input_tokens":10,"output_tokens":5}}},"error":null}
{"id":"b3","custom_id":"c","response":{"status_code":400,"body":{"error":{"message":"x"}}},"error":null}
{"id":"b4","custom_id":"d","response":null,"error":{"code":"x"}}"#;
    let log = UsageLog::read(text);
    assert_eq!((log.entries.len(), log.failed), (2, 2));
    let sums = UsageTotals::of(&log.entries);
    assert_eq!(
        (sums.input, sums.cached, sums.output),
        (1010.0, 400.0, 55.0)
    );
    assert_eq!(sums.from_to, Some((1_790_000_000, 1_790_000_100)));
}

#[test]
fn a_report_of_ccusage_stands_on_several_lines() {
    let text = r#"{
  "daily": [
    {"date": "2026-11-01", "inputTokens": 100, "outputTokens": 50, "cacheCreationTokens": 200,
     "cacheReadTokens": 700, "totalTokens": 1050, "totalCost": 1.5, "modelsUsed": ["a", "b"],
     "modelBreakdowns": [
       {"modelName": "a", "inputTokens": 60, "outputTokens": 50, "cacheCreationTokens": 200, "cacheReadTokens": 700, "cost": 1.25},
       {"modelName": "b", "inputTokens": 40, "outputTokens": 0, "cacheCreationTokens": 0, "cacheReadTokens": 0, "cost": 0.25}]},
    {"date": "2026-11-10", "inputTokens": 1, "outputTokens": 2, "cacheCreationTokens": 3,
     "cacheReadTokens": 4, "totalCost": 0.5, "modelsUsed": ["a"]}
  ],
  "totals": {"inputTokens": 101}
}"#;
    let log = UsageLog::read(text);
    assert_eq!(log.entries.len(), 3);
    let sums = UsageTotals::of(&log.entries);
    assert_eq!(
        (sums.input, sums.cached, sums.written, sums.output),
        (1008.0, 704.0, 203.0, 52.0)
    );
    assert_eq!(sums.paid, Some(Usd(2.0)));
    assert_eq!(sums.span(), Some(Seconds(10.0 * 86_400.0)));
    let month = r#"{"monthly":[{"month":"2026-02","inputTokens":1,"outputTokens":1}]}"#;
    let span = UsageTotals::of(&UsageLog::read(month).entries).span();
    assert_eq!(span, Some(Seconds(28.0 * 86_400.0)));
}

/// The forms beside lists of dated days; the days and sums by hand.
#[test]
fn every_form_of_a_report_of_ccusage_has_its_tokens_and_its_days() {
    let counts = r#""inputTokens":5,"outputTokens":7,"totalCost":0.5"#;
    for (text, days, input) in [
        (
            r#"{"daily":[{"period":"2026-05-01",COUNTS},{"period":"2026-05-10",COUNTS}]}"#,
            10.0,
            10.0,
        ),
        (
            r#"{"type":"daily","data":[{"date":"2026-05-01",COUNTS}],"summary":{}}"#,
            1.0,
            5.0,
        ),
        (
            r#"{"type":"monthly","data":[{"period":"2026-02",COUNTS}]}"#,
            28.0,
            5.0,
        ),
        (r#"{"monthly":[{"period":"2026-05",COUNTS}]}"#, 31.0, 5.0),
        (r#"{"weekly":[{"period":"2026-05-03",COUNTS}]}"#, 7.0, 5.0),
        (
            r#"{"projects":{"a":[{"date":"2026-05-01",COUNTS}],"b":[{"date":"2026-05-03",COUNTS}]}}"#,
            3.0,
            10.0,
        ),
        (
            r#"{"type":"blocks","data":[{"blockStart":"2026-05-03T05:00:00Z",COUNTS}]}"#,
            1.0,
            5.0,
        ),
        (
            r#"{"type":"session","data":[{"session":"x","firstActivity":"2026-05-01","lastActivity":"2026-05-16",COUNTS}]}"#,
            16.0,
            5.0,
        ),
        (
            r#"{"sessions":[{"firstActivity":"2026-05-30T23:00:00Z","lastActivity":"2026-06-02T01:00:00Z",COUNTS}]}"#,
            4.0,
            5.0,
        ),
    ] {
        let log = UsageLog::read(&text.replace("COUNTS", counts));
        assert!(log.others.is_empty(), "{text}: {:?}", log.others);
        let sums = UsageTotals::of(&log.entries);
        assert_eq!(sums.span(), Some(Seconds(days * 86_400.0)), "{text}");
        assert_eq!(sums.input, input, "{text}");
        assert_eq!(sums.paid, Some(Usd(input / 10.0)), "{text}");
    }
}

#[test]
fn models_of_a_report_are_named_and_paid_for_each_on_its_own() {
    let text = r#"{"daily":[{"date":"2026-05-01","inputTokens":9,"outputTokens":0,"totalCost":9,
        "modelBreakdowns":[{"model":"a","inputTokens":4,"outputTokens":0,"totalCost":3},
                           {"model":"b","inputTokens":5,"outputTokens":0}]}]}"#;
    let log = UsageLog::read(text);
    let paid: Vec<_> = log
        .entries
        .iter()
        .map(|entry| (entry.model.as_str(), entry.paid))
        .collect();
    assert_eq!(paid, [("a", Some(Usd(3.0))), ("b", None)]);
}

/// `OpenAI` counts what a cache held within the input.
#[test]
fn cached_input_is_a_part_of_the_input_unless_the_sum_says_otherwise() {
    let sums = |total: u32| {
        let row = format!(
            r#"{{"daily":[{{"date":"2026-05-01","costUSD":1,"models":{{"gpt-5":{{"inputTokens":100,
            "cachedInputTokens":60,"outputTokens":10,"totalTokens":{total}}}}}}}]}}"#
        );
        let log = UsageLog::read(&row);
        assert_eq!(log.entries[0].model, "gpt-5");
        UsageTotals::of(&log.entries)
    };
    assert_eq!((sums(110).input, sums(110).cached), (100.0, 60.0));
    assert_eq!((sums(170).input, sums(170).cached), (160.0, 60.0));
}

#[test]
fn blocks_of_ccusage_have_their_costs_beside_their_counts() {
    let text = r#"{"blocks": [
        {"id": "x", "startTime": "2026-11-03T05:00:00.000Z", "isGap": false, "costUSD": 0.75, "models": ["m"],
         "tokenCounts": {"inputTokens": 10, "outputTokens": 20, "cacheCreationInputTokens": 30, "cacheReadInputTokens": 40}},
        {"id": "gap", "startTime": "2026-11-03T10:00:00.000Z", "isGap": true, "costUSD": 0, "models": [],
         "tokenCounts": {"inputTokens": 0, "outputTokens": 0}}]}"#;
    let log = UsageLog::read(text);
    assert_eq!((log.entries.len(), log.entries[0].model.as_str()), (1, "m"));
    let sums = UsageTotals::of(&log.entries);
    assert_eq!(
        (sums.input, sums.cached, sums.written, sums.output),
        (80.0, 40.0, 30.0, 20.0)
    );
    assert_eq!(sums.paid, Some(Usd(0.75)));
}

#[test]
fn a_broken_line_does_not_stop_the_others() {
    let line = OURS.replace('\n', "");
    let log = UsageLog::read(&format!("nonsense\n{line}\n{{\"cut\": \n{line}\n[1,\n"));
    assert_eq!(log.entries.len(), 2, "{log:?}");
    assert_eq!(log.broken, 3);
    assert!(UsageLog::read("").is_empty());
    assert!(UsageLog::read("\u{feff}  \n").is_empty());
}

#[test]
fn speeds_are_those_of_the_model_and_the_depth_that_are_asked_for() {
    let rows = r#"{"type":"bench","model_filename":"Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf","n_gen":8,"n_depth":0,"avg_ts":30}
{"type":"bench","model_filename":"Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf","n_gen":8,"n_depth":4096,"avg_ts":20}
{"type":"bench","model_filename":"Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf","n_gen":8,"n_depth":16384,"avg_ts":10}
{"type":"bench","model_filename":"x","model":{"name":"smollm2","quantization":"Q4_0"},"n_gen":8,"avg_ts":900}"#;
    let log = UsageLog::read(rows);
    let speed = |model, quant, context| {
        let found = log.benched(Some(ModelQuery { model, quant }), context);
        (found.decode.map(|rate| rate.0), found.others.len())
    };
    for (context, wanted) in [(8192.0, 20.0), (0.0, 30.0), (20_000.0, 10.0)] {
        assert_eq!(speed("llama-3.1-8b", "Q4_K_M", context), (Some(wanted), 1));
    }
    assert_eq!(speed("smollm2", "Q4_0", 0.0), (Some(900.0), 1));
    for (model, quant) in [
        ("llama-3.1-8b", "Q8_0"),
        ("smollm2", "Q8_0"),
        ("llama-3.1-80b", "Q4_K_M"),
        ("llama-3.3-70b", "Q4_K_M"),
        ("8b", "Q4_K_M"),
    ] {
        assert_eq!(speed(model, quant, 8192.0), (None, 2), "{model}:{quant}");
    }
    assert_eq!(log.benched(None, 8192.0).depth, Some(4096.0));
    let line = OURS.replace('\n', "");
    let wanted = |model| {
        Some(ModelQuery {
            model,
            quant: "Q4_0",
        })
    };
    let ours = UsageLog::read(&line);
    assert_eq!(
        ours.measured(wanted("smollm2")).decode,
        Some(TokensPerSecond(10.0))
    );
    let other = ours.measured(wanted("llama-3.3-70b"));
    assert_eq!((other.decode, other.prefill), (None, None));
    assert!(other.others.contains("smollm2"));
}

/// By hand: 1 Mtok in at 2, 0.2 out at 10, half off: 2; a prompt above 100 at twice the price: 4.
#[test]
fn a_use_is_billed_by_batch_and_by_its_own_prompts_length() {
    let price: Price = serde_json::from_str(
        r#"{"id":"a","input":2,"output":10,"batch_discount":0.5,
            "long_prompt":{"above_tokens":2000000,"input":4,"output":20}}"#,
    )
    .unwrap();
    let entry = |input: f64, by_batch| UsageEntry {
        requests: 1,
        input,
        output: 2e5,
        by_batch,
        ..UsageEntry::default()
    };
    assert_eq!(entry(1e6, true).cost_at(&price, None), Usd(2.0));
    assert_eq!(entry(1e6, false).cost_at(&price, None), Usd(4.0));
    assert_eq!(entry(3e6, false).cost_at(&price, None), Usd(16.0));
    let both = [entry(1e6, true), entry(1e6, false)];
    assert_eq!(UsageTotals::of(&both).volume().batch, 0.5);
}

/// Of two computers the faster row counts, and who wrote it is known.
#[test]
fn speeds_know_the_computer_that_they_were_measured_on() {
    let row = |computer: &str, n: &str, rate: u32| {
        format!(r#"{{"type":"bench","cpu_info":"{computer}","cpu_cores":8,{n},"avg_ts":{rate}}}"#)
    };
    let rows = [
        row("slow", r#""n_gen":8"#, 10),
        row("fast", r#""n_gen":8"#, 20),
        row("fast", r#""n_prompt":8"#, 200),
    ];
    let found = UsageLog::read(&rows.join("\n")).benched(None, 0.0);
    assert_eq!(found.decode, Some(TokensPerSecond(20.0)));
    for on in [found.decode_on, found.prefill_on] {
        assert_eq!(on.unwrap().to_string(), "fast, 8 cores");
    }
    assert_eq!(found.compared, 2);
    let nameless = UsageLog::read(r#"{"type":"bench","n_gen":8,"avg_ts":1}"#).benched(None, 0.0);
    assert_eq!((nameless.decode_on, nameless.compared), (None, 0));
}

/// By hand, with prompts above 100,000 tokens at twice the price: 50,000 in and 10,000 out at 2 and 10 are
/// 0.20, 200,000 and 20,000 at 4 and 20 are 1.20; half of the second's input is cached at 0.8, which takes
/// 0.32 off.
#[test]
fn requests_together_are_billed_each_by_its_own_prompts_length() {
    let price: Price = serde_json::from_str(
        r#"{"id":"a","input":2,"output":10,"cache_read":0.4,"batch_discount":0.5,
            "long_prompt":{"above_tokens":100000,"input":4,"output":20,"cache_read":0.8}}"#,
    )
    .unwrap();
    let entry = |input, output, cached| UsageEntry {
        requests: 1,
        input,
        output,
        cached,
        ..UsageEntry::default()
    };
    let short = entry(5e4, 1e4, 0.0);
    let long = entry(2e5, 2e4, 1e5);
    let bill = |entries: &[UsageEntry]| {
        let billed = BlendedRates::new(entries, &price, None);
        let volume = crate::bill::Volume {
            batch: billed.batch,
            ..UsageTotals::of(entries).volume()
        };
        (billed.rates.bill(&volume).0, billed)
    };
    let (usd, billed) = bill(&[short.clone(), long.clone()]);
    assert!((usd - (0.20 + 0.88)).abs() < 1e-12, "{usd}");
    assert_eq!((billed.long, billed.unknown), (1, 0));
    // The long one by batch: 0.20 + 0.44.
    let batch = UsageEntry {
        by_batch: true,
        ..long.clone()
    };
    let (usd, billed) = bill(&[short.clone(), batch]);
    assert!((usd - 0.64).abs() < 1e-12, "{usd}");
    assert!((billed.batch - 0.88 / 1.08).abs() < 1e-12);
    // The sum of a day says nothing of a prompt, and is billed as short ones: 250,000 in at 2, 30,000
    // out at 10.
    let day = UsageEntry {
        requests: 0,
        ..entry(2.5e5, 3e4, 0.0)
    };
    let (usd, billed) = bill(&[day]);
    assert!((usd - 0.80).abs() < 1e-12, "{usd}");
    assert_eq!((billed.long, billed.unknown), (0, 1));
    let none = BlendedRates::new(&[], &price, None);
    assert_eq!((none.rates, none.batch), (price.rates(None, None), 0.0));
}

#[test]
fn speeds_that_were_scaled_up_are_known_to_be() {
    let flags = |more: &str| {
        let row = format!(r#"{{"type":"bench","n_gen":8,"avg_ts":5{more}}}"#);
        let found = UsageLog::read(&row).benched(None, 0.0);
        (found.is_extrapolated, found.is_too_large)
    };
    assert_eq!(flags(""), (false, false));
    assert_eq!(
        flags(r#","extrapolated":false,"fits":true"#),
        (false, false)
    );
    assert_eq!(flags(r#","extrapolated":true,"fits":false"#), (true, true));
}

/// 200 prompt tokens were computed in 0.5 s of the machine's time and 20 generated in 2 s, however long
/// the request waited for its neighbours.
#[test]
fn a_record_that_holds_its_share_of_the_time_is_taken_at_its_word() {
    let line = OURS.replace('\n', "").replace(
        r#""generation_time_ms":2500.0"#,
        r#""generation_time_ms":40000.0,"busy_prefill_ms":500.0,"busy_decode_ms":2000.0"#,
    );
    let log = UsageLog::read(&[line.as_str(); 16].join("\n"));
    assert_eq!(UsageTotals::of(&log.entries).seconds, 16.0 * 2.5);
    let found = log.measured(None);
    assert_eq!(found.decode, Some(TokensPerSecond(10.0)));
    assert_eq!(found.prefill, Some(TokensPerSecond(200.0)));
}

/// 16 answers together, each 2.5 s from start to end: 2.5 s of work, and 16 times the speed of one; to
/// the second that ends are known to.
#[test]
fn requests_that_ran_together_are_not_added_up() {
    let line = OURS.replace('\n', "");
    let log = UsageLog::read(&[line.as_str(); 16].join("\n"));
    let seconds = UsageTotals::of(&log.entries).seconds;
    assert!((2.5..=3.5).contains(&seconds), "{seconds}");
    let decode = log.measured(None).decode.unwrap().0;
    assert!((decode - 160.0 * 2.5 / seconds).abs() < 1e-6, "{decode}");
    // In two files the same.
    let mut halves = UsageLog::read(&[line.as_str(); 8].join("\n"));
    halves.add(UsageLog::read(&[line.as_str(); 8].join("\n")));
    assert!((UsageTotals::of(&halves.entries).seconds - seconds).abs() < 1e-9);
}

#[test]
fn numbers_without_sense_are_counted_and_not_taken_for_nothing() {
    let line = OURS.replace('\n', "");
    for (from, to) in [
        (r#""prompt_tokens":110"#, r#""prompt_tokens":-110"#),
        (r#""prompt_tokens":110"#, r#""prompt_tokens":1e30"#),
        (r#""prompt_tokens":110"#, r#""prompt_tokens":"110""#),
        (r#""prompt_tokens":110"#, r#""prompt_tokens":1.5"#),
        (r#""prompt_tokens":110"#, r#""prompt_tokens":9"#),
        (r#""prompt_tokens":110,"#, ""),
        (r#""completion_tokens":21"#, r#""completion_tokens":[]"#),
        (r#""cached_tokens":10"#, r#""cached_tokens":111"#),
        (
            r#""generation_time_ms":2500.0"#,
            r#""generation_time_ms":-1"#,
        ),
        (r#""tokens_per_second":10.0"#, r#""tokens_per_second":"x""#),
    ] {
        let bad = line.replace(from, to);
        assert_ne!(bad, line, "{from}");
        let log = UsageLog::read(&format!("{bad}\n{line}"));
        assert_eq!((log.entries.len(), log.unsound), (1, 1), "{to}");
    }
    for row in [
        r#"{"date":"2026-05-01","inputTokens":-5,"outputTokens":7}"#,
        r#"{"date":"2026-05-01","inputTokens":5,"outputTokens":"7"}"#,
        r#"{"date":"2026-05-01","inputTokens":5,"outputTokens":7,"totalCost":-1}"#,
        r#"{"date":"2026-05-01","modelBreakdowns":[{"modelName":"a","inputTokens":true}]}"#,
    ] {
        let log = UsageLog::read(&format!(r#"{{"daily":[{row}]}}"#));
        assert_eq!((log.entries.len(), log.unsound), (0, 1), "{row}");
    }
    let batch = r#"{"custom_id":"a","response":{"body":{"model":"m","usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":11}}}}}"#;
    assert_eq!(UsageLog::read(batch).unsound, 1);
}

#[test]
fn an_embedding_says_no_time() {
    let text =
        r#"{"type":"embedding","usage":{"prompt_tokens":7,"total_tokens":7},"model":{"name":"m"}}"#;
    let log = UsageLog::read(text);
    assert!(log.entries[0].is_untimed());
    // So that its tokens do not lower what those cost whose time is known.
    assert_eq!(UsageTotals::of(&log.entries).local, 0.0);
    assert!(!UsageLog::read(&OURS.replace('\n', "")).entries[0].is_untimed());
}
