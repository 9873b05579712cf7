//! bash: a function that reads the line up to the cursor by itself, since readline cuts it at ':' and '='.

use super::{Call, Flag, Kind, Program, head, quoted};

/// What is the same in all programs; NAME is the program's in the names of functions.
const BODY: &str = r#"
_NAME() {
    local line=${COMP_LINE:0:COMP_POINT} words cur word call= takes= place=0 ended= before= i
    COMPREPLY=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    cur=${words[${#words[@]}-1]}
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if [[ -n $takes ]]; then
            takes=
        elif [[ -z $ended && $word == -- ]]; then
            ended=1
        elif [[ -z $ended && $word == -?* ]]; then
            [[ $word == --*=* ]] || takes=$(_NAME_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _NAME_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_NAME_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_NAME_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_NAME_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_NAME_calls" -- "$cur"))
        fi
    fi
    case $takes in
    files | '') ;;
    text) compopt +o default +o bashdefault 2>/dev/null ;;
    words\ *) COMPREPLY+=($(compgen -W "${takes#words }" -- "$cur")) ;;
    *)
        [[ $takes == list\ * ]] && before+=${cur%"${cur##*,}"} && cur=${cur##*,}
        # Not by compgen -W, which would run what stands in a name.
        while IFS= read -r word; do
            [[ $word == "$cur"* ]] && printf -v word %q "$word" && COMPREPLY+=("$word")
        done < <(_NAME_names "${takes#list }")
        ;;
    esac
    # Readline replaces only what stands behind the last of these.
    cur=$before$cur
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
    for word in : =; do
        if [[ $COMP_WORDBREAKS == *$word* && $cur == *$word* ]]; then
            before=${cur%"${cur##*$word}"}
            COMPREPLY=("${COMPREPLY[@]#"$before"}")
            cur=${cur##*$word}
        fi
    done
}

complete -o bashdefault -o default -F _NAME PROGRAM
"#;

pub(super) fn script(program: &Program) -> String {
    let function = format!("_{}", program.function());
    let commands = program.commands().iter().map(|call| call.name.as_str());
    let commands: Vec<&str> = commands.collect();
    let mut text = head(program, "bash");
    text.push_str(&format!(
        "\n{function}_calls={}\n",
        quoted(&commands.join(" "))
    ));
    text.push_str(&is_call(&function, &commands));
    let flags = program.calls.iter().map(|call| {
        let names = call.flags.iter().flat_map(|flag| flag.names.clone());
        (quoted(&call.name), names.collect::<Vec<_>>().join(" "))
    });
    text.push_str(&cases(&function, "flags", "\"$1\"", flags));
    text.push_str(&tables(&function, program));
    text.push_str(
        &BODY
            .replace("_NAME", &function)
            .replace("PROGRAM", &program.name),
    );
    text
}

/// The functions that zsh has, too: what flags and arguments take, and what asks for names.
pub(super) fn tables(function: &str, program: &Program) -> String {
    let values = program.calls.iter().flat_map(values);
    let values = cases(function, "value", "\"$1 $2\"", values);
    let places = program.calls.iter().flat_map(places);
    let places = cases(function, "place", "\"$1 $2\"", places);
    format!("{values}{places}{}", names(function, program))
}

fn is_call(function: &str, commands: &[&str]) -> String {
    let body = match commands {
        [] => "    false\n".to_owned(),
        commands => format!(
            "    case $1 in\n    {}) true ;;\n    *) false ;;\n    esac\n",
            commands.join(" | ")
        ),
    };
    format!("\n{function}_is_call() {{\n{body}}}\n")
}

/// A function that writes what belongs to a word.
fn cases(
    function: &str,
    name: &str,
    word: &str,
    rows: impl Iterator<Item = (String, String)>,
) -> String {
    let mut text = format!("\n{function}_{name}() {{\n    case {word} in\n");
    for (pattern, found) in rows {
        text.push_str(&format!("    {pattern}) echo {} ;;\n", quoted(&found)));
    }
    text.push_str("    esac\n}\n");
    text
}

/// What each flag of a call takes.
fn values(call: &Call) -> Vec<(String, String)> {
    let flags = call.flags.iter();
    let valued = flags.filter_map(|flag| Some((flag, flag.takes.as_ref()?)));
    let row = |(flag, kind): (&Flag, &Kind)| {
        let names = flag.names.iter();
        let patterns = names.map(|name| quoted(&format!("{} {name}", call.name)));
        (patterns.collect::<Vec<_>>().join(" | "), word(kind))
    };
    valued.map(row).collect()
}

/// What each argument of a call is; the last may come again.
fn places(call: &Call) -> Vec<(String, String)> {
    if call.places.is_empty() {
        let pattern = format!("{}*", quoted(&format!("{} ", call.name)));
        return vec![(pattern, word(&Kind::Text))];
    }
    let last = call.places.len().saturating_sub(1);
    let row = |(place, kind): (usize, &Kind)| {
        let pattern = if place == last {
            format!("{}*", quoted(&format!("{} ", call.name)))
        } else {
            quoted(&format!("{} {place}", call.name))
        };
        (pattern, word(kind))
    };
    call.places.iter().enumerate().map(row).collect()
}

/// A kind in the words of the script.
fn word(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Files => "files".to_owned(),
        Kind::Words(words) => format!("words {}", words.join(" ")),
        Kind::Installed => "installed".to_owned(),
        Kind::Fetchable => "fetchable".to_owned(),
        Kind::Table(table) => format!("list {table}"),
    }
}

/// A function that asks for names.
fn names(function: &str, program: &Program) -> String {
    let mut text = format!("\n{function}_names() {{\n    case $1 in\n");
    let mut known: Vec<&Kind> = Vec::new();
    let flags = program.calls.iter().flat_map(|call| &call.flags);
    let places = program.calls.iter().flat_map(|call| &call.places);
    for kind in flags.filter_map(|flag| flag.takes.as_ref()).chain(places) {
        if let Some(command) = kind.command().filter(|_| !known.contains(&kind)) {
            let name = word(kind);
            let name = name.strip_prefix("list ").unwrap_or(&name);
            text.push_str(&format!("    {name}) {command} ;;\n"));
            known.push(kind);
        }
    }
    text.push_str("    esac\n}\n");
    text
}
