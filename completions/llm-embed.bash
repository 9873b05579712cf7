# Completions of llm-embed for bash, made from its parser by tests/generated/completions.rs.

_llm_embed_calls='search similar rerank'

_llm_embed_is_call() {
    case $1 in
    search | similar | rerank) true ;;
    *) false ;;
    esac
}

_llm_embed_flags() {
    case "$1" in
    '') echo '--files0-from --chunk --overlap --file -f --jsonl --template --keep --keep-text --on-overflow --max-line-bytes --model -m --query --document --prompt --pooling --dimensions --quantize --encoding --format --output -o --overwrite --resume --skip-seen --retry-errors --repair --on-conflict --progress-every --prune --max-errors --quiet -q --threads -t --help -h --version -V' ;;
    'search') echo '--jsonl --on-overflow --hits -k --model -m --pooling --prompt --format --text -T --quiet -q --threads -t --help -h' ;;
    'similar') echo '--threshold --format --text -T --quiet -q --threads -t --help -h' ;;
    'rerank') echo '--jsonl --template --on-overflow --hits -k --model -m --format --text -T --quiet -q --threads -t --help -h' ;;
    esac
}

_llm_embed_value() {
    case "$1 $2" in
    ' --files0-from') echo 'files' ;;
    ' --chunk') echo 'text' ;;
    ' --overlap') echo 'text' ;;
    ' --file' | ' -f') echo 'files' ;;
    ' --template') echo 'text' ;;
    ' --keep') echo 'text' ;;
    ' --on-overflow') echo 'words error truncate chunk-mean' ;;
    ' --max-line-bytes') echo 'text' ;;
    ' --model' | ' -m') echo 'installed' ;;
    ' --prompt') echo 'text' ;;
    ' --pooling') echo 'words cls mean max last splade' ;;
    ' --dimensions') echo 'text' ;;
    ' --quantize') echo 'words q8_0' ;;
    ' --encoding') echo 'words float base64 f16 int8 binary' ;;
    ' --format') echo 'words jsonl npy safetensors' ;;
    ' --output' | ' -o') echo 'files' ;;
    ' --resume') echo 'files' ;;
    ' --skip-seen') echo 'files' ;;
    ' --on-conflict') echo 'words error skip replace' ;;
    ' --progress-every') echo 'text' ;;
    ' --max-errors') echo 'text' ;;
    ' --threads' | ' -t') echo 'text' ;;
    'search --on-overflow') echo 'words error truncate chunk-mean' ;;
    'search --hits' | 'search -k') echo 'text' ;;
    'search --model' | 'search -m') echo 'installed' ;;
    'search --pooling') echo 'words cls mean max last splade' ;;
    'search --prompt') echo 'text' ;;
    'search --format') echo 'words auto jsonl text' ;;
    'search --threads' | 'search -t') echo 'text' ;;
    'similar --threshold') echo 'text' ;;
    'similar --format') echo 'words auto jsonl text' ;;
    'similar --threads' | 'similar -t') echo 'text' ;;
    'rerank --template') echo 'text' ;;
    'rerank --on-overflow') echo 'words error truncate chunk-mean' ;;
    'rerank --hits' | 'rerank -k') echo 'text' ;;
    'rerank --model' | 'rerank -m') echo 'installed' ;;
    'rerank --format') echo 'words auto jsonl text' ;;
    'rerank --threads' | 'rerank -t') echo 'text' ;;
    esac
}

_llm_embed_place() {
    case "$1 $2" in
    ' '*) echo 'files' ;;
    'search 0') echo 'files' ;;
    'search '*) echo 'text' ;;
    'similar '*) echo 'files' ;;
    'rerank '*) echo 'text' ;;
    esac
}

_llm_embed_names() {
    case $1 in
    installed) llm-pull ls -T 2>/dev/null ;;
    esac
}

_llm_embed() {
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
            [[ $word == --*=* ]] || takes=$(_llm_embed_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _llm_embed_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_llm_embed_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_llm_embed_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_llm_embed_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_llm_embed_calls" -- "$cur"))
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
        done < <(_llm_embed_names "${takes#list }")
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

complete -o bashdefault -o default -F _llm_embed llm-embed
