#!/usr/bin/env python3
"""Renders the conversations beside this file with every template of a folder,
by Jinja2 set up as Hugging Face's `apply_chat_template` does it, and prints
one line for each result: template, conversation, generation prompt (0 or 1)
and the 64-bit FNV-1a hash of the text, or the word `refused` where the
template calls `raise_exception`.

Left out: what depends on the date, and what Jinja2 cannot render (templates
that iterate over tools, of which there are none).

usage: make_goldens.py models/templates > goldens.txt    (needs jinja2; made with 3.1.6)
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


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


def render(source, messages, add_generation_prompt, day):
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = day.strftime
    return environment.from_string(source).render(
        messages=messages,
        add_generation_prompt=add_generation_prompt,
        tools=None,
        documents=None,
        bos_token="<BOS>",
        eos_token="<EOS>",
    )


def fnv1a(data):
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"{digest:016x}"


def outcome(*arguments):
    try:
        return fnv1a(render(*arguments).encode())
    except Refused:
        return "refused"
    except (TypeError, jinja2.exceptions.TemplateError):
        return None


def main():
    days = [datetime.datetime(2001, 2, 3), datetime.datetime(2024, 11, 30)]
    here = pathlib.Path(__file__).parent
    conversations = json.loads((here / "conversations.json").read_text())
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        source = path.read_text()
        for number, messages in enumerate(conversations):
            for flag in (False, True):
                results = {outcome(source, messages, flag, day) for day in days}
                if len(results) == 1 and None not in results:
                    print(path.name, number, int(flag), results.pop())


main()
