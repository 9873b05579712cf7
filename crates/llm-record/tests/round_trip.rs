//! Whatever a record holds, one line goes out and the same record comes back; and what goes out of one
//! program is what the next one reads.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use llm_record::{
    Build, Choice, Completion, Delta, ErrorCode, ErrorRecord, Fields, FinishReason, FunctionCall,
    Id, Incoming, LineWriter, Lines, Message, Metrics, ModelIdentity, Place, Prompt, Record,
    RecordedRequest, Sampling, SchemaVersion, TemplateUse, ToolCall, ToolKind, Truncated, Usage,
};
use proptest::prelude::*;

fn id() -> impl Strategy<Value = Option<Id>> {
    prop_oneof![
        Just(None),
        any::<String>().prop_map(|text| Some(Id::Text(text))),
        any::<i64>().prop_map(|number| Some(Id::Number(number.into()))),
        any::<u64>().prop_map(|number| Some(Id::Number(number.into()))),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec((any::<String>(), any::<String>()), 0..4).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
    })
}

fn finite() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL
}

prop_compose! {
    fn completion()(
        id in id(), line in 1_u64.., text in any::<String>(), input in fields(),
        ends in any::<bool>(), counts in any::<[u32; 3]>(),
        generation_time_ms in prop::num::f64::NORMAL, mean in prop::option::of(prop::num::f64::NORMAL),
        temperature in finite(), top_p in finite(), seed in any::<u64>(),
        stop in prop::collection::vec(any::<String>(), 0..3), name in any::<String>(),
    ) -> Record {
        Record::from(Completion {
            schema_version: SchemaVersion::default(),
            id,
            line,
            text,
            json: ends.then(|| llm_record::Json::from("x")),
            reasoning_content: ends.then(|| "Hm.".into()),
            choices: Choice::list(&stop, &vec![mean.map_or(-1.0, |mean| -mean.abs().min(1e9)); stop.len()]),
            logprobs: ends.then(|| llm_record::Logprobs { content: Vec::new() }),
            tool_calls: if ends { vec![ToolCall { index: None, id: "c".into(), kind: ToolKind::Function,
                function: FunctionCall { name: "f".into(), arguments: "{}".into() } }] } else { Vec::new() },
            tool_error: ends.then(|| "Hm.".into()),
            messages: if ends { vec![Message::new("user", "Hi")] } else { Vec::new() },
            truncated: ends.then_some(Truncated { tokens: line, place: Place::Tail }),
            finish_reason: if ends { FinishReason::Stop } else { FinishReason::Length },
            usage: Usage::new(counts[0].into(), counts[1].into(), counts[2].into()),
            metrics: Metrics { generation_time_ms, mean_itl_ms: mean, ..Metrics::default() },
            created: 1_790_000_000,
            input,
            request: ends.then(|| Box::new(RecordedRequest { prompt: Some("Hi".into()), ..RecordedRequest::default() })),
            model: ModelIdentity {
                lora: Vec::new(),
                name,
                digest: "00".into(),
                quantization: None,
                architecture: "llama".into(),
                file: "m.gguf".into(),
                template: TemplateUse::Raw,
                parse_special: seed % 2 == 0,
            },
            sampling: Sampling { temperature, top_p, seed, choices: stop.clone(), stop, ..Sampling::default() },
            request_digest: "00".into(),
            occurrence: ends.then_some(2),
            requested_model: ends.then(|| "m".into()),
            ignored: if ends { vec!["n".into()] } else { Vec::new() },
            build: Build::default(),
        })
    }
}

fn record() -> impl Strategy<Value = Record> {
    let failure = (id(), any::<String>(), fields()).prop_map(|(id, message, input)| {
        let mut failure = ErrorRecord::new(1, id, ErrorCode::BadJson, message);
        failure.input = input;
        Record::from(failure)
    });
    let piece = (id(), any::<String>()).prop_map(|(id, text)| {
        Record::from(Delta {
            id,
            text,
            line: 1,
            ..Delta::default()
        })
    });
    prop_oneof![completion(), failure, piece]
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = LineWriter::new(Vec::new());
    for record in records {
        writer.record(record).unwrap();
    }
    writer.sink().clone()
}

proptest! {
    #[test]
    fn records_come_back_one_a_line(records in prop::collection::vec(record(), 0..5)) {
        let bytes = written(&records);
        let lines: Vec<_> = Lines::new(&bytes[..], 1 << 20).map(|line| line.unwrap().unwrap()).collect();
        let read: Vec<Record> =
            lines.iter().map(|line| serde_json::from_str(&line.text).unwrap()).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn a_record_is_the_next_programs_input(record in record()) {
        let bytes = written(std::slice::from_ref(&record));
        let line = Lines::new(&bytes[..], 1 << 20).next().unwrap().unwrap().unwrap();
        let text = line.text.clone();
        match (record, Incoming::parse(line)) {
            (Record::Completion(sent), Ok(Incoming::Request(got))) => {
                // A conversation goes on, and else the answer is the next prompt.
                let prompt = if sent.messages.is_empty() {
                    Prompt::Text(sent.text)
                } else {
                    Prompt::Messages(sent.messages)
                };
                prop_assert_eq!(got.prompt, Some(prompt));
                prop_assert_eq!(got.id, sent.id);
                prop_assert_eq!(got.input, sent.input);
            }
            (Record::Error(_), Ok(Incoming::Failed(line))) => prop_assert_eq!(line.text, text),
            (Record::Delta(_), Ok(Incoming::Delta)) => {}
            (sent, got) => prop_assert!(false, "{sent:?} became {got:?}"),
        }
    }

    #[test]
    fn an_id_is_salvaged_from_every_cut_after_it(id in id(), cut in any::<prop::sample::Index>()) {
        let Some(id) = id else { return Ok(()) };
        let head = format!("{{\"x\": [\"}}\", {{}}], \"id\": {},", serde_json::to_string(&id).unwrap());
        let line = format!("{head}\"prompt\":\"some text\"");
        let cut = head.len() + cut.index(line.len() - head.len());
        prop_assert_eq!(Id::salvage(&line.as_bytes()[..cut]), Some(id.clone()));
        // And from every cut before its end: nothing.
        let before = cut % (head.len() - 1);
        prop_assert_eq!(Id::salvage(&line.as_bytes()[..before]), None);
    }
}
