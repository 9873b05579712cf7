# Completions of llm-run for bash, made from its parser by tests/generated/completions.rs.

_llm_run_calls=''

_llm_run_is_call() {
    false
}

_llm_run_flags() {
    case "$1" in
    '') echo '--prompt -p --file -f --each --files0-from --lines --jsonl --csv --delimiter --slurp --chunk --template --template-file --keep --ignore-unsupported --keep-text --on-overflow --if-empty --max-line-bytes --model -m --ctx-size -c --quantize --lora --system --system-file --chat-template --no-template --think --parse-special --schema --json --regex --grammar --compact --schema-loose --schema-prompt --require-complete --tools --conversation --n-predict -n --seed -s --temp --top-k --top-p --min-p --repeat-penalty --repeat-last-n --stop --choices --stop-repetition --presence-penalty --frequency-penalty --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker --top-n-sigma --typical-p --xtc-probability --xtc-threshold --dynatemp-range --dynatemp-exp --mirostat --mirostat-ent --mirostat-lr --adaptive-target --adaptive-decay --min-keep --samplers --logit-bias --ignore-eos --suppress-tokens --begin-suppress-tokens --logprobs --format --text -T --output -o --overwrite --stream --count --show-prompt --reasoning --null -0 --parallel --unordered --resume --retry-errors --repair --on-conflict --timeout --max-errors --progress-every --prefix-cache --record-request --replay --estimate --watts --cloud --quiet -q --device --threads -t --force --help -h --version -V' ;;
    esac
}

_llm_run_value() {
    case "$1 $2" in
    ' --prompt' | ' -p') echo 'text' ;;
    ' --file' | ' -f') echo 'files' ;;
    ' --each') echo 'files' ;;
    ' --files0-from') echo 'files' ;;
    ' --delimiter') echo 'text' ;;
    ' --chunk') echo 'text' ;;
    ' --template') echo 'text' ;;
    ' --template-file') echo 'text' ;;
    ' --keep') echo 'text' ;;
    ' --on-overflow') echo 'words error head tail middle' ;;
    ' --if-empty') echo 'words error skip run' ;;
    ' --max-line-bytes') echo 'text' ;;
    ' --model' | ' -m') echo 'installed' ;;
    ' --ctx-size' | ' -c') echo 'text' ;;
    ' --quantize') echo 'words q8_0 q4_k' ;;
    ' --lora') echo 'text' ;;
    ' --system') echo 'text' ;;
    ' --system-file') echo 'text' ;;
    ' --chat-template') echo 'files' ;;
    ' --think') echo 'words on off' ;;
    ' --schema') echo 'text' ;;
    ' --regex') echo 'text' ;;
    ' --grammar') echo 'text' ;;
    ' --schema-prompt') echo 'words on off' ;;
    ' --tools') echo 'text' ;;
    ' --n-predict' | ' -n') echo 'text' ;;
    ' --seed' | ' -s') echo 'text' ;;
    ' --temp') echo 'text' ;;
    ' --top-k') echo 'text' ;;
    ' --top-p') echo 'text' ;;
    ' --min-p') echo 'text' ;;
    ' --repeat-penalty') echo 'text' ;;
    ' --repeat-last-n') echo 'text' ;;
    ' --stop') echo 'text' ;;
    ' --choices') echo 'text' ;;
    ' --stop-repetition') echo 'text' ;;
    ' --presence-penalty') echo 'text' ;;
    ' --frequency-penalty') echo 'text' ;;
    ' --dry-multiplier') echo 'text' ;;
    ' --dry-base') echo 'text' ;;
    ' --dry-allowed-length') echo 'text' ;;
    ' --dry-penalty-last-n') echo 'text' ;;
    ' --dry-sequence-breaker') echo 'text' ;;
    ' --top-n-sigma') echo 'text' ;;
    ' --typical-p') echo 'text' ;;
    ' --xtc-probability') echo 'text' ;;
    ' --xtc-threshold') echo 'text' ;;
    ' --dynatemp-range') echo 'text' ;;
    ' --dynatemp-exp') echo 'text' ;;
    ' --mirostat') echo 'text' ;;
    ' --mirostat-ent') echo 'text' ;;
    ' --mirostat-lr') echo 'text' ;;
    ' --adaptive-target') echo 'text' ;;
    ' --adaptive-decay') echo 'text' ;;
    ' --min-keep') echo 'text' ;;
    ' --samplers') echo 'text' ;;
    ' --logit-bias') echo 'text' ;;
    ' --ignore-eos') echo 'text' ;;
    ' --suppress-tokens') echo 'text' ;;
    ' --begin-suppress-tokens') echo 'text' ;;
    ' --logprobs') echo 'text' ;;
    ' --format') echo 'words auto jsonl text csv tsv' ;;
    ' --output' | ' -o') echo 'files' ;;
    ' --reasoning') echo 'words include stderr drop' ;;
    ' --parallel') echo 'text' ;;
    ' --resume') echo 'files' ;;
    ' --on-conflict') echo 'words error skip replace' ;;
    ' --timeout') echo 'text' ;;
    ' --max-errors') echo 'text' ;;
    ' --progress-every') echo 'text' ;;
    ' --prefix-cache') echo 'files' ;;
    ' --replay') echo 'files' ;;
    ' --watts') echo 'text' ;;
    ' --cloud') echo 'list prices' ;;
    ' --device') echo 'words auto cpu cuda metal candle' ;;
    ' --threads' | ' -t') echo 'text' ;;
    esac
}

_llm_run_place() {
    case "$1 $2" in
    ' '*) echo 'text' ;;
    esac
}

_llm_run_names() {
    case $1 in
    installed) llm-pull ls -T 2>/dev/null ;;
    prices) llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    esac
}

_llm_run() {
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
            [[ $word == --*=* ]] || takes=$(_llm_run_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _llm_run_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_llm_run_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_llm_run_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_llm_run_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_llm_run_calls" -- "$cur"))
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
        done < <(_llm_run_names "${takes#list }")
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

complete -o bashdefault -o default -F _llm_run llm-run
