#!/usr/bin/env python3
"""Renders the conversations beside this file with every template of a folder,
by Jinja2 set up as Hugging Face's `apply_chat_template` does it, and prints
one line for each result: template, conversation, and the 64-bit FNV-1a hash of
the text. Where the template calls `raise_exception` the word `refused` stands
instead, and `raises` where Python itself raises.

Hashes, since the templates' own words are not ours to copy; to see a text, name
a template and a conversation.

usage: make_goldens.py FOLDER > goldens.txt     (needs jinja2 3.1.6)
       make_goldens.py FOLDER TEMPLATE CONVERSATION
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What `strftime_now` tells; the test sets the same time.
NOW = datetime.datetime(2024, 11, 30, 12, 34, 56)

# The switches that templates have for thinking, all at once.
SWITCHES = {
    "on": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high",
           "thinking_mode": "enabled", "thinking_budget": 512},
    "off": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low",
            "thinking_mode": "disabled", "thinking_budget": 0},
    "none": {"enable_thinking": False, "thinking": False, "reasoning_effort": "none",
             "thinking_mode": "disabled", "thinking_budget": 0},
}


def variables(conversation):
    """The template's own variables: switches by their name, or any."""
    named = conversation.get("variables", {})
    return SWITCHES[named] if isinstance(named, str) else named


class Generation(jinja2.ext.Extension):
    """`{% generation %}` marks answers for training and prints its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("body", [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def body(self, caller):
        return caller()


class Refused(Exception):
    pass


def refuse(message):
    raise Refused(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment():
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = NOW.strftime
    return made


def render(template, conversation):
    return template.render(
        messages=conversation["messages"],
        add_generation_prompt=conversation.get("add_generation_prompt", True),
        tools=conversation.get("tools"),
        documents=None,
        bos_token="<BOS>",
        eos_token="<EOS>",
        **variables(conversation),
    )


def fnv1a(data):
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"{digest:016x}"


def outcome(template, conversation):
    try:
        return fnv1a(render(template, conversation).encode())
    except Refused:
        return "refused"
    except Exception:  # whatever it is: ours must fail as well
        return "raises"


def main():
    folder = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    conversations = json.loads((here / "conversations.json").read_text())
    if len(sys.argv) > 2:
        template = environment().from_string((folder / sys.argv[2]).read_text())
        found = next(one for one in conversations if one["name"] == sys.argv[3])
        sys.stdout.write(render(template, found))
        return
    for path in sorted(folder.glob("*.jinja")):
        template = environment().from_string(path.read_text())
        for conversation in conversations:
            print(path.stem, conversation["name"], outcome(template, conversation))


main()
