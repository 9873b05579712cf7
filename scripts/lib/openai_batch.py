"""Lines of a batch file as OpenAI's Python package writes them, and a check that
the package reads what llm-run answers. check-openai calls it; nothing is sent
anywhere.

usage: openai_batch.py write
       openai_batch.py check INPUT OUTPUT
"""

import json
import sys

import openai
from openai.types import Completion
from openai.types.chat import ChatCompletion

try:
    import httpx2 as httpx  # what newer versions of the package bring
except ImportError:
    import httpx

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Says what the weather is like.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def client(answer):
    """Returns a client whose calls go to a function instead of the network."""
    transport = httpx.MockTransport(answer)
    return openai.OpenAI(api_key="none", http_client=httpx.Client(transport=transport))


def calls(api):
    """Makes the calls of the fixture: (name, call) each."""
    chat, text = api.chat.completions.create, api.completions.create
    question = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    parts = [{"type": "text", "text": "Name a colour."}, {"type": "text", "text": " One word."}]
    yield "plain", lambda: chat(model="gpt-4o-mini", messages=question, max_tokens=4)
    yield "settings", lambda: chat(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": parts}],
        max_completion_tokens=4,
        temperature=0.7,
        top_p=0.9,
        seed=7,
        stop=["\n\n"],
        n=1,
        presence_penalty=0,
        frequency_penalty=0.0,
        logit_bias={},
        logprobs=False,
        response_format={"type": "text"},
        user="somebody",
        metadata={"project": "x"},
        store=False,
        service_tier="auto",
    )
    yield "tools", lambda: chat(
        model="gpt-4o-mini", messages=question, max_tokens=4, tools=[TOOL], tool_choice="auto"
    )
    yield "two-answers", lambda: chat(model="gpt-4o-mini", messages=question, n=2)
    yield "as-json", lambda: chat(
        model="gpt-4o-mini", messages=question, response_format={"type": "json_object"}
    )
    yield "text", lambda: text(
        model="gpt-3.5-turbo-instruct", prompt="The capital of France is", max_tokens=4, temperature=0
    )
    yield "likely", lambda: chat(
        model="gpt-4o-mini", messages=question, max_tokens=4, logprobs=True, top_logprobs=2
    )
    yield "likely-text", lambda: text(
        model="gpt-3.5-turbo-instruct", prompt="The sky is", max_tokens=4, logprobs=2
    )
    yield "echo", lambda: text(model="gpt-3.5-turbo-instruct", prompt="One, two,", echo=True)
    yield "embedding", lambda: api.embeddings.create(
        model="text-embedding-3-small", input="A text", encoding_format="float"
    )


def write():
    """Writes one line for each call, from what the package would have sent."""
    sent = []

    def take(request):
        sent.append(request)
        return httpx.Response(400, json={"error": {"message": "taken"}})

    for name, call in calls(client(take)):
        try:
            call()
        except openai.BadRequestError:
            pass
        request = sent.pop()
        line = {
            "custom_id": name,
            "method": request.method,
            "url": request.url.path,
            "body": json.loads(request.content),
        }
        print(json.dumps(line, ensure_ascii=False))


def check_logprobs(choice, content, body):
    """Finds the tokens of an answer in its log-probabilities, where they were asked for."""
    if not body.get("logprobs"):
        assert choice.logprobs is None
    elif "messages" in body:
        tokens = choice.logprobs.content
        assert b"".join(bytes(token.bytes) for token in tokens).decode() == content
        for token in tokens:
            assert len(token.top_logprobs) == body["top_logprobs"]
            assert token.logprob <= token.top_logprobs[0].logprob <= 0
    else:
        told = choice.logprobs
        assert "".join(told.tokens) == content and told.text_offset[0] == 0
        for token, logprob, top in zip(told.tokens, told.token_logprobs, told.top_logprobs, strict=True):
            assert top[token] == logprob and len(top) in (body["logprobs"], body["logprobs"] + 1)


def check(rows, answers):
    """Lets the package read each answer as if it had come over HTTP."""
    asked = {line["custom_id"]: line for line in map(json.loads, open(rows))}
    answered = {line["custom_id"]: line for line in map(json.loads, open(answers))}
    assert asked.keys() == answered.keys(), (asked.keys(), answered.keys())
    kinds = {"/v1/chat/completions": ChatCompletion, "/v1/completions": Completion}
    good = 0
    for name, call in calls(client(lambda request: httpx.Response(200, json=body))):
        line = answered[name]
        assert line.keys() == {"id", "custom_id", "response", "error"}, line.keys()
        assert isinstance(line["id"], str)
        if line["response"] is None:
            assert line["error"].keys() == {"code", "message"}, line
            continue
        assert line["error"] is None and line["response"]["status_code"] == 200, line
        body = line["response"]["body"]
        kind = kinds[asked[name]["url"]]
        # Strict: no text becomes a number, nothing that is missing is filled in.
        strict = kind.model_validate(body, strict=True)
        read = call()
        assert type(read) is kind and read == strict, (read, strict)
        # What the package knows is not left to its fields for anything else.
        assert set(read.model_extra) <= {"requested_model"}, read.model_extra
        assert read.requested_model == asked[name]["body"]["model"]
        choice = read.choices[0]
        content = choice.message.content if kind is ChatCompletion else choice.text
        assert isinstance(content, str) and choice.finish_reason in ("stop", "length")
        check_logprobs(choice, content, asked[name]["body"])
        assert read.usage.total_tokens == read.usage.prompt_tokens + read.usage.completion_tokens
        good += 1
    print(f"openai {openai.__version__}: {good} answers and {len(asked) - good} errors read")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write"]:
            write()
        case ["check", rows, answers]:
            check(rows, answers)
        case _:
            sys.exit(__doc__)
