//! A closing record → a line of OpenAI's batch output, each field where their readers look for it.
//! What OpenAI has no place for (sampling, times, digests but in names) is left to our own records.

use schemars::JsonSchema;
use serde::Serialize;

use super::Reply;
use super::vectors::{ListRest, VectorList};
use crate::closed::BATCH_ID;
use crate::{
    Build, ChatLogprobs, Completion, Embedding, ErrorCode, ErrorRecord, FinishReason, Id, Record,
    Routed, TextLogprobs, ToolCall, Usage,
};

/// One line of a batch output file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BatchOutput {
    /// `batch_req_` and the request's digest; a request that got no digest has its line's number.
    pub id: String,
    /// The line's own name; null where it could not be read.
    pub custom_id: Option<Id>,
    /// The answer; null where there is none.
    pub response: Option<Response>,
    /// Why there is none; null where there is one.
    pub error: Option<Failure>,
}

/// An answer as it would have come over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Response {
    /// Always 200: what fails has an error instead.
    pub status_code: u16,
    /// `req_` and the request's digest.
    pub request_id: String,
    /// The completion, or the vectors.
    pub body: Body,
}

/// A completion of one of the two kinds, or vectors.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Body {
    /// A turn of a conversation.
    Chat(Answer<ChatChoice>),
    /// How a text goes on.
    Text(Answer<TextChoice>),
    /// What texts mean, as numbers.
    Vectors(VectorList),
}

/// What both kinds of completion have.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer<T> {
    /// `chatcmpl-` or `cmpl-`, and the request's digest.
    pub id: String,
    /// `chat.completion` or `text_completion`.
    pub object: &'static str,
    /// When it ended, in Unix seconds.
    pub created: i64,
    /// The model that answered, by our name.
    pub model: String,
    /// The model that the line asked for; a field of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// Keys of the body that were ignored, where that was wanted; a field of our own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// The one answer.
    pub choices: [T; 1],
    /// How many tokens it took.
    pub usage: Usage,
    /// The program and machine level that answered.
    pub system_fingerprint: String,
}

/// The answer of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatChoice {
    /// Always 0.
    pub index: u32,
    /// The turn.
    pub message: Said,
    /// How likely each token was, where that was asked for.
    pub logprobs: Option<ChatLogprobs>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// What the model says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Said {
    /// Always `assistant`.
    pub role: &'static str,
    /// The answer; null where there are calls alone.
    pub content: Option<String>,
    /// Always null.
    pub refusal: (),
    /// What the model thought before it, by the name that other servers have for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// What it calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why a call could not be read, or is none that was offered; a field of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_error: Option<String>,
}

/// How a text goes on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TextChoice {
    /// The text, without the prompt.
    pub text: String,
    /// Always 0.
    pub index: u32,
    /// How likely each token was, where that was asked for.
    pub logprobs: Option<TextLogprobs>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// For programs, in our words.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

impl BatchOutput {
    /// Returns the line for a record that closes a line of a batch file; nothing for any other.
    #[must_use]
    pub fn of(routed: &Routed<Record>) -> Option<Self> {
        match (&routed.record, routed.reply) {
            (_, Reply::Own) => None,
            (Record::Completion(completion), reply) => Self::answer(completion, reply),
            (Record::Embedding(embedding), Reply::Embeddings) => {
                Some(Self::vectors(embedding, &routed.rest))
            }
            (Record::Error(error), _) => Some(Self::failure(error)),
            _ => None,
        }
    }

    /// Returns the line for an answer of this kind.
    fn answer(completion: &Completion, reply: Reply) -> Option<Self> {
        let body = match reply {
            Reply::Own | Reply::Embeddings => return None,
            Reply::ChatCompletion => Body::Chat(Answer::new(
                completion,
                "chatcmpl",
                "chat.completion",
                ChatChoice {
                    index: 0,
                    message: Said {
                        role: "assistant",
                        content: Some(completion.text.clone())
                            .filter(|text| !text.is_empty() || completion.tool_calls.is_empty()),
                        refusal: (),
                        reasoning_content: completion.reasoning_content.clone(),
                        tool_calls: completion.tool_calls.clone(),
                        tool_error: completion.tool_error.clone(),
                    },
                    logprobs: completion.logprobs.clone().map(|logprobs| ChatLogprobs {
                        logprobs,
                        refusal: (),
                    }),
                    finish_reason: completion.finish_reason.in_openai(),
                },
            )),
            Reply::TextCompletion => Body::Text(Answer::new(
                completion,
                "cmpl",
                "text_completion",
                TextChoice {
                    text: completion.text.clone(),
                    index: 0,
                    logprobs: completion.logprobs.as_ref().map(TextLogprobs::from),
                    finish_reason: completion.finish_reason.in_openai(),
                },
            )),
        };
        Some(Self::closing(
            completion.id.as_ref(),
            &completion.request_digest,
            body,
        ))
    }

    /// Returns the line for vectors.
    fn vectors(record: &Embedding, rest: &ListRest) -> Self {
        let body = Body::Vectors(VectorList::of(record, rest));
        Self::closing(record.id.as_ref(), &record.request_digest, body)
    }

    fn closing(id: Option<&Id>, digest: &str, body: Body) -> Self {
        Self {
            id: format!("{BATCH_ID}{digest}"),
            custom_id: id.cloned(),
            response: Some(Response {
                status_code: 200,
                request_id: format!("req_{digest}"),
                body,
            }),
            error: None,
        }
    }

    /// Returns the line for a request that failed.
    fn failure(record: &ErrorRecord) -> Self {
        let name = match (&record.request_digest, record.line) {
            (Some(digest), _) => digest.clone(),
            (None, line) => format!("line_{}", line.unwrap_or_default()),
        };
        Self {
            id: format!("{BATCH_ID}{name}"),
            custom_id: record.id.clone(),
            response: None,
            error: Some(Failure {
                code: record.error.code,
                message: record.error.message.clone(),
            }),
        }
    }
}

impl<T> Answer<T> {
    fn new(completion: &Completion, prefix: &str, object: &'static str, choice: T) -> Self {
        Self {
            id: format!("{prefix}-{}", completion.request_digest),
            object,
            created: completion.created,
            model: completion.model.name.clone(),
            ignored: completion.ignored.clone(),
            requested_model: completion.requested_model.clone(),
            choices: [choice],
            usage: completion.usage,
            system_fingerprint: fingerprint(&completion.build),
        }
    }
}

/// Names what makes equal requests have equal answers, as OpenAI means it: the threads do not count.
fn fingerprint(build: &Build) -> String {
    format!("fp_{}_{}_{}", build.version, build.simd, build.device)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Logprobs, Metrics, ModelIdentity, RankedToken, Sampling, SchemaVersion, TemplateUse,
        TokenLogprob,
    };

    fn completion() -> Completion {
        Completion {
            schema_version: SchemaVersion::default(),
            id: Some(Id::Text("c".into())),
            line: 1,
            text: "Paris.".into(),
            json: None,
            reasoning_content: None,
            finish_reason: FinishReason::Length,
            usage: Usage::new(9, 3, 4).with_reasoning(1),
            metrics: Metrics::default(),
            created: 1_790_000_000,
            input: crate::Fields::new(),
            model: ModelIdentity {
                lora: Vec::new(),
                name: "smollm2".into(),
                digest: "00".into(),
                quantization: None,
                architecture: "llama".into(),
                file: "m.gguf".into(),
                template: TemplateUse::Chat,
                parse_special: false,
            },
            sampling: Sampling::default(),
            request_digest: "d1".into(),
            occurrence: None,
            request: None,
            choices: Vec::new(),
            logprobs: None,
            tool_calls: Vec::new(),
            tool_error: None,
            messages: Vec::new(),
            truncated: None,
            requested_model: None,
            ignored: Vec::new(),
            build: Build {
                version: "0.1.0".into(),
                simd: "avx2".into(),
                device: "cpu".into(),
                threads: 2,
            },
        }
    }

    fn line(record: impl Into<Record>, reply: Reply) -> Option<BatchOutput> {
        BatchOutput::of(&Routed::new(record.into(), reply))
    }

    fn written(record: impl Into<Record>, reply: Reply) -> serde_json::Value {
        serde_json::to_value(line(record, reply).unwrap()).unwrap()
    }

    /// The field names and their places are those of the guide to batches.
    #[test]
    fn a_chat_completion_is_as_documented() {
        let usage = json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1}});
        let mut wanted = json!({
            "id": "batch_req_d1", "custom_id": "c",
            "response": {"status_code": 200, "request_id": "req_d1", "body": {
                "id": "chatcmpl-d1", "object": "chat.completion", "created": 1_790_000_000,
                "model": "smollm2",
                "choices": [{"index": 0,
                    "message": {"role": "assistant", "content": "Paris.", "refusal": null},
                    "logprobs": null, "finish_reason": "length"}],
                "usage": usage, "system_fingerprint": "fp_0.1.0_avx2_cpu"}},
            "error": null,
        });
        assert_eq!(written(completion(), Reply::ChatCompletion), wanted);
        wanted["response"]["body"] = json!({
            "id": "cmpl-d1", "object": "text_completion", "created": 1_790_000_000,
            "model": "smollm2", "requested_model": "gpt-5",
            "choices": [{"text": "Paris.", "index": 0, "logprobs": null, "finish_reason": "length"}],
            "usage": usage, "system_fingerprint": "fp_0.1.0_avx2_cpu"});
        let mut asked = completion();
        asked.requested_model = Some("gpt-5".into());
        assert_eq!(written(asked, Reply::TextCompletion), wanted);
        let mut calls = completion();
        calls.text = String::new();
        calls.finish_reason = FinishReason::ToolCalls;
        calls.tool_calls = vec![ToolCall {
            index: None,
            id: "call_1".into(),
            kind: crate::ToolKind::Function,
            function: crate::FunctionCall {
                name: "f".into(),
                arguments: "{}".into(),
            },
        }];
        let calls = written(calls, Reply::ChatCompletion);
        assert_eq!(
            calls["response"]["body"]["choices"][0],
            json!({"index": 0, "message": {"role": "assistant", "content": null, "refusal": null,
                "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": "f", "arguments": "{}"}}]},
                "logprobs": null, "finish_reason": "tool_calls"})
        );
        let mut thought = completion();
        thought.reasoning_content = Some("Hm.".into());
        let thought = written(thought, Reply::ChatCompletion);
        let message = &thought["response"]["body"]["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], "Hm.");
    }

    #[test]
    fn each_api_tells_log_probabilities_in_its_own_form() {
        let token = |id, text: &str, logprob| RankedToken::new(id, text.into(), logprob);
        let mut asked = completion();
        asked.logprobs = Some(Logprobs {
            content: vec![TokenLogprob {
                token: token(7, "Paris", -0.5),
                top_logprobs: vec![token(7, "Paris", -0.5), token(8, "It", -1.5)],
            }],
        });
        let told = |reply| {
            let line = written(asked.clone(), reply);
            line["response"]["body"]["choices"][0]["logprobs"].clone()
        };
        let paris =
            json!({"token": "Paris", "logprob": -0.5, "bytes": [80, 97, 114, 105, 115], "id": 7});
        let mut first = paris.clone();
        first["top_logprobs"] =
            json!([paris, {"token": "It", "logprob": -1.5, "bytes": [73, 116], "id": 8}]);
        assert_eq!(
            told(Reply::ChatCompletion),
            json!({"content": [first], "refusal": null})
        );
        assert_eq!(
            told(Reply::TextCompletion),
            json!({"tokens": ["Paris"], "token_logprobs": [-0.5], "text_offset": [0],
                "top_logprobs": [{"It": -1.5, "Paris": -0.5}]})
        );
    }

    #[test]
    fn a_failure_is_as_documented() {
        let id = Some(Id::Text("c".into()));
        let mut record = ErrorRecord::new(3, id, ErrorCode::ContextExceeded, "too long");
        assert_eq!(line(record.clone(), Reply::Own), None);
        let mut wanted = json!({"id": "batch_req_line_3", "custom_id": "c", "response": null,
            "error": {"code": "context_exceeded", "message": "too long"}});
        assert_eq!(written(record.clone(), Reply::ChatCompletion), wanted);
        record.request_digest = Some("d1".into());
        wanted["id"] = json!("batch_req_d1");
        assert_eq!(written(record, Reply::ChatCompletion), wanted);
        assert_eq!(line(completion(), Reply::Own), None);
    }

    #[test]
    fn what_is_written_is_read_as_closed() {
        let mut asked = completion();
        asked.request_digest = "0f".repeat(32);
        let mut failed = ErrorRecord::new(3, asked.id.clone(), ErrorCode::Timeout, "slow");
        failed.request_digest = Some(asked.request_digest.clone());
        let closed = |line: serde_json::Value| crate::closed(&line.to_string()).unwrap();
        let answer = closed(written(asked.clone(), Reply::ChatCompletion));
        let failure = closed(written(failed.clone(), Reply::TextCompletion));
        for read in [&answer, &failure] {
            assert_eq!(read.id, asked.id);
            assert_eq!(read.request_digest.as_ref(), Some(&asked.request_digest));
        }
        assert_eq!((answer.is_error, failure.is_error), (false, true));
        assert_eq!(failure.code, Some(ErrorCode::Timeout));
        failed.request_digest = None;
        assert_eq!(
            closed(written(failed, Reply::TextCompletion)).request_digest,
            None
        );
    }
}
