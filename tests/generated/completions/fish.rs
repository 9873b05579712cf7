//! fish: a line for each flag, with the condition that its call is the one that is typed.

use super::{Call, Flag, Kind, Program, head};

/// What is the same in all programs; NAME is the program's in the names of functions.
const BODY: &str = r#"
# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _NAME_is
    set -l call ''
    set -l takes ''
    set -l place 0
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test -n "$takes"
            set takes ''
        else if string match -q -- '--*=*' $word
            continue
        else if string match -q -- '-?*' $word
            contains -- "$call$word" $_NAME_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_NAME_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __NAME_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end
"#;

pub(super) fn script(program: &Program) -> String {
    let function = format!("_{}", program.function());
    let calls = program.commands().iter().map(|call| call.name.as_str());
    let calls: Vec<&str> = calls.collect();
    let valued = valued(program).join(" ");
    let mut text = format!(
        "{}\nset -g {function}_calls {}\nset -g {function}_valued {valued}\n",
        head(program, "fish"),
        calls.join(" ")
    );
    text.push_str(&BODY.replace("_NAME", &function));
    text.push('\n');
    let begin = format!("complete -c {}", program.name);
    for call in program.commands() {
        let (name, help) = (&call.name, quoted(&call.help));
        let condition = format!("-n \"{function}_is '' 0\"");
        text.push_str(&format!("{begin} {condition} -f -a {name} -d {help}\n"));
    }
    for call in &program.calls {
        let condition = format!("-n \"{function}_is '{}'\"", call.name);
        let flags = call.flags.iter().map(|found| flag(&function, found));
        let lines = flags.chain(places(&function, call));
        for line in lines {
            text.push_str(&format!("{begin} {condition} {line}\n"));
        }
    }
    text
}

/// Flags that take a value, each behind its command.
fn valued(program: &Program) -> Vec<String> {
    let of = |call: &Call| -> Vec<String> {
        let valued = call.flags.iter().filter(|flag| flag.takes.is_some());
        let names = valued.flat_map(|flag| &flag.names);
        names.map(|name| format!("{}{name}", call.name)).collect()
    };
    program.calls.iter().flat_map(of).collect()
}

fn flag(function: &str, flag: &Flag) -> String {
    let names = flag.names.iter().map(|name| match name.strip_prefix("--") {
        Some(long) => format!("-l {long}"),
        None => format!("-s {}", name.trim_start_matches('-')),
    });
    let mut line = names.collect::<Vec<_>>().join(" ");
    line.push_str(&match &flag.takes {
        None => String::new(),
        Some(Kind::Files) => " -r -F".to_owned(),
        // A path is a model as well.
        Some(kind @ Kind::Installed) => format!(" -r -F -a {}", offered(function, kind)),
        Some(Kind::Text) => " -x".to_owned(),
        Some(kind) => format!(" -x -a {}", offered(function, kind)),
    });
    format!("{line} -d {}", quoted(&flag.help))
}

/// What the arguments of a call are; fish offers files where nothing is said.
fn places(function: &str, call: &Call) -> Option<String> {
    match call.places.iter().find(|kind| **kind != Kind::Text) {
        None => Some("-f".to_owned()),
        Some(Kind::Files) => None,
        Some(kind @ Kind::Installed) => Some(format!("-a {}", offered(function, kind))),
        Some(kind) => Some(format!("-f -a {}", offered(function, kind))),
    }
}

fn offered(function: &str, kind: &Kind) -> String {
    match (kind, kind.command()) {
        (Kind::Words(words), _) => quoted(&words.join(" ")),
        (Kind::Table(_), Some(command)) => quoted(&format!("({command} | _{function}_list)")),
        (_, Some(command)) => quoted(&format!("({command})")),
        _ => "''".to_owned(),
    }
}

/// A word of fish, in which a backslash counts also within quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}
