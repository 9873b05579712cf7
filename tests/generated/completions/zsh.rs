//! zsh: a function of its own with the words as zsh has cut them, and `_describe` for what has a help.

use super::{Call, Flag, Program, bash, head, quoted};

/// What is the same in all programs; NAME is the program's in the names of functions.
const BODY: &str = r#"
_NAME() {
    local call= takes= place=0 ended= word i
    local -a offered names
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]}
        if [[ -n $takes ]]; then
            takes=
        elif [[ -z $ended && $word == -- ]]; then
            ended=1
        elif [[ -z $ended && $word == -?* ]]; then
            [[ $word == --*=* ]] || takes=$(_NAME_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && (( ${_NAME_calls[(I)$word:*]} )); then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    word=${words[CURRENT]}
    if [[ -z $takes && -z $ended && $word == --*=* ]]; then
        takes=$(_NAME_value "$call" "${word%%=*}")
        compset -P '*='
    elif [[ -z $takes && -z $ended && $word == -* ]]; then
        _NAME_flags "$call"
        _describe -o flag offered
        return
    elif [[ -z $takes ]]; then
        takes=$(_NAME_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            _describe command _NAME_calls
        fi
    fi
    case $takes in
    files) _files ;;
    text | '') ;;
    words\ *)
        names=(${=takes#words })
        compadd -a names
        ;;
    *)
        [[ $takes == list\ * ]] && compset -P '*,'
        names=(${(f)"$(_NAME_names "${takes#list }")"})
        compadd -a names
        [[ $takes == installed ]] && _files
        ;;
    esac
}

if [[ ${funcstack[1]-} == _PROGRAM ]]; then
    _NAME "$@"
else
    compdef _NAME PROGRAM
fi
"#;

pub(super) fn script(program: &Program) -> String {
    let function = format!("_{}", program.function());
    let mut text = format!("#compdef {}\n{}", program.name, head(program, "zsh"));
    let commands = program.commands().iter();
    let commands = commands.map(|call| format!("    {}\n", described(&call.name, &call.help)));
    text.push_str(&format!(
        "\ntypeset -ga {function}_calls\n{function}_calls=(\n{})\n",
        commands.collect::<String>()
    ));
    text.push_str(&flags(&function, program));
    text.push_str(&bash::tables(&function, program));
    let body = BODY.replace("_NAME", &function);
    text.push_str(&body.replace("PROGRAM", &program.name));
    text
}

/// A function that puts the flags of a call, with their helps, in `offered`.
fn flags(function: &str, program: &Program) -> String {
    let mut text = format!("\n{function}_flags() {{\n    case $1 in\n");
    for Call { name, flags, .. } in &program.calls {
        text.push_str(&format!("    {})\n        offered=(\n", quoted(name)));
        for Flag { names, help, .. } in flags {
            for name in names {
                text.push_str(&format!("            {}\n", described(name, help)));
            }
        }
        text.push_str("        )\n        ;;\n");
    }
    text.push_str("    esac\n}\n");
    text
}

/// A word and what it means, as `_describe` reads them.
fn described(name: &str, help: &str) -> String {
    let plain = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
    quoted(&format!("{}:{}", plain(name), plain(help)))
}
