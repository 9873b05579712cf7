# Completions of llm-pull for bash, made from its parser by tests/generated/completions.rs.

_llm_pull_calls='import ls rm show'

_llm_pull_is_call() {
    case $1 in
    import | ls | rm | show) true ;;
    *) false ;;
    esac
}

_llm_pull_flags() {
    case "$1" in
    '') echo '--revision --include --dry-run --force --format --text -T --quiet -q --help -h --version -V' ;;
    'import') echo '--name --force --format --text -T --quiet -q --help -h' ;;
    'ls') echo '--all --format --text -T --quiet -q --help -h' ;;
    'rm') echo '--format --text -T --quiet -q --help -h' ;;
    'show') echo '--tokenize --format --text -T --quiet -q --help -h' ;;
    esac
}

_llm_pull_value() {
    case "$1 $2" in
    ' --revision') echo 'text' ;;
    ' --include') echo 'text' ;;
    ' --format') echo 'words auto jsonl text' ;;
    'import --name') echo 'text' ;;
    'import --format') echo 'words auto jsonl text' ;;
    'ls --format') echo 'words auto jsonl text' ;;
    'rm --format') echo 'words auto jsonl text' ;;
    'show --tokenize') echo 'text' ;;
    'show --format') echo 'words auto jsonl text' ;;
    esac
}

_llm_pull_place() {
    case "$1 $2" in
    ' '*) echo 'fetchable' ;;
    'import '*) echo 'files' ;;
    'ls '*) echo 'text' ;;
    'rm '*) echo 'installed' ;;
    'show '*) echo 'installed' ;;
    esac
}

_llm_pull_names() {
    case $1 in
    fetchable) llm-pull ls --all -T 2>/dev/null ;;
    installed) llm-pull ls -T 2>/dev/null ;;
    esac
}

_llm_pull() {
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
            [[ $word == --*=* ]] || takes=$(_llm_pull_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _llm_pull_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_llm_pull_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_llm_pull_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_llm_pull_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_llm_pull_calls" -- "$cur"))
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
        done < <(_llm_pull_names "${takes#list }")
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

complete -o bashdefault -o default -F _llm_pull llm-pull
