//! Formats that no rendering shows: their templates print no calls, or print them by rules that no example tells.

use crate::literal::Literal;
use crate::syntax::{Fields, Form, Part, Syntax};

/// A format, and the words in a template's source that show it.
type Row = (&'static [&'static str], fn() -> Syntax);

/// Formats with a reader of their own; they come before what is learned.
const DEDICATED: &[Row] = &[
    (&["<|channel|>analysis", "functions."], || {
        plain(Form::Harmony)
    }),
    (&[">>>all"], || plain(Form::Recipients)),
    (&["<|tool_call>call:"], || plain(Form::Gemma)),
    (&["]<]minimax[>["], elements),
    (&["<|tool_call_start|>"], python),
    (&["<｜tool▁outputs▁begin｜>"], deepseek),
];

/// Formats of templates that only tell the model of them.
const TOLD: &[Row] = &[
    (&["<|tool_list_start|>"], python),
    (&["List of tools: ["], python),
    (&["functools["], || json("functools", "")),
    (&["<|tool_calls_section_begin|>"], kimi),
    (&["<|tool_call|>"], || json("<|tool_call|>", "")),
    (&["<tool_call>"], || json("<tool_call>", "</tool_call>")),
];

pub(crate) fn dedicated(source: &str) -> Option<Syntax> {
    find(DEDICATED, source)
}

pub(crate) fn told(source: &str) -> Option<Syntax> {
    find(TOLD, source)
}

fn find(rows: &[Row], source: &str) -> Option<Syntax> {
    let shows = |words: &[&str]| words.iter().all(|word| source.contains(word));
    let row = rows.iter().find(|(words, _)| shows(words));
    row.map(|(_, syntax)| syntax())
}

fn plain(call: Form) -> Syntax {
    Syntax {
        open: Literal::default(),
        between: Literal::default(),
        close: Literal::default(),
        call,
    }
}

fn json(before: &str, after: &str) -> Syntax {
    plain(Form::Json {
        before: Literal::new(before),
        fields: Fields::default(),
        after: Literal::new(after),
    })
}

fn python() -> Syntax {
    plain(Form::Python {
        before: Literal::new("<|tool_call_start|>"),
        after: Literal::new("<|tool_call_end|>"),
    })
}

fn elements() -> Syntax {
    Syntax {
        open: Literal::new("]<]minimax[>[<tool_call>\n"),
        close: Literal::new("]<]minimax[>[</tool_call>"),
        ..plain(Form::Elements)
    }
}

fn literal(text: &str) -> Part {
    Part::Literal(Literal::new(text))
}

fn kimi() -> Syntax {
    Syntax {
        open: Literal::new("<|tool_calls_section_begin|>"),
        close: Literal::new("<|tool_calls_section_end|>"),
        ..plain(Form::Parts(vec![
            literal("<|tool_call_begin|>"),
            Part::NamedId,
            literal("<|tool_call_argument_begin|>"),
            Part::Json,
            literal("<|tool_call_end|>"),
        ]))
    }
}

fn deepseek() -> Syntax {
    Syntax {
        open: Literal::new("<｜tool▁calls▁begin｜>"),
        close: Literal::new("<｜tool▁calls▁end｜>"),
        ..plain(Form::Parts(vec![
            literal("<｜tool▁call▁begin｜>function<｜tool▁sep｜>"),
            Part::Name,
            literal("\n```json\n"),
            Part::Json,
            literal("\n```<｜tool▁call▁end｜>"),
        ]))
    }
}
