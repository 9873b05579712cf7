# Completions of llm-bench for bash, made from its parser by tests/generated/completions.rs.

_llm_bench_calls=''

_llm_bench_is_call() {
    false
}

_llm_bench_flags() {
    case "$1" in
    '') echo '--model -m --shape --layers --write --quantize --lora --n-prompt -p --n-gen -n --pg --n-depth -d --parallel --threads -t --repetitions -r --no-warmup --logits --perplexity --ctx-size -c --format --output -o --overwrite --quiet -q --force --help -h --version -V' ;;
    esac
}

_llm_bench_value() {
    case "$1 $2" in
    ' --model' | ' -m') echo 'installed' ;;
    ' --shape') echo 'text' ;;
    ' --layers') echo 'text' ;;
    ' --write') echo 'files' ;;
    ' --quantize') echo 'words q8_0 q4_k' ;;
    ' --lora') echo 'text' ;;
    ' --n-prompt' | ' -p') echo 'text' ;;
    ' --n-gen' | ' -n') echo 'text' ;;
    ' --pg') echo 'text' ;;
    ' --n-depth' | ' -d') echo 'text' ;;
    ' --parallel') echo 'text' ;;
    ' --threads' | ' -t') echo 'text' ;;
    ' --repetitions' | ' -r') echo 'text' ;;
    ' --logits') echo 'words best all' ;;
    ' --perplexity') echo 'files' ;;
    ' --ctx-size' | ' -c') echo 'text' ;;
    ' --format') echo 'words auto jsonl md' ;;
    ' --output' | ' -o') echo 'files' ;;
    esac
}

_llm_bench_place() {
    case "$1 $2" in
    ' '*) echo 'text' ;;
    esac
}

_llm_bench_names() {
    case $1 in
    installed) llm-pull ls -T 2>/dev/null ;;
    esac
}

_llm_bench() {
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
            [[ $word == --*=* ]] || takes=$(_llm_bench_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _llm_bench_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_llm_bench_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_llm_bench_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_llm_bench_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_llm_bench_calls" -- "$cur"))
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
        done < <(_llm_bench_names "${takes#list }")
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

complete -o bashdefault -o default -F _llm_bench llm-bench
