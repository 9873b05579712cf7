# Completions of llm-cost for bash, made from its parser by tests/generated/completions.rs.

_llm_cost_calls='payback floor usage compare catalogue'

_llm_cost_is_call() {
    case $1 in
    payback | floor | usage | compare | catalogue) true ;;
    *) false ;;
    esac
}

_llm_cost_flags() {
    case "$1" in
    '') echo '--prices --machines --on --format --text -T --quiet -q --help -h --version -V' ;;
    'payback') echo '--profile --input-mtok --output-mtok --usage --days --cache-hit --cache-write --cache-write-1h --batch --team --cloud --prompt-tokens --cloud-fall --escalated --local --machine --machine-price --load-watts --idle-watts --idle-share --on-hours --region --usd-per-kwh --decode-tps --prefill-tps --bench --context --local-cache-hit --batching --available-hours --duty-cap --alternative-price --setup-hours --setup-rate --upkeep --discount-rate --lifetime-months --resale-share --explain --plot --overwrite --prices --machines --on --format --text -T --quiet -q --help -h' ;;
    'floor') echo '--machine --this-machine --budget --context --cache-type --explain --plot --overwrite --prices --machines --on --format --text -T --quiet -q --help -h' ;;
    'usage') echo '--by --cloud --machine --load-watts --region --usd-per-kwh --explain --prices --machines --on --format --text -T --quiet -q --help -h' ;;
    'compare') echo '--profile --input-mtok --output-mtok --usage --days --cache-hit --cache-write --cache-write-1h --batch --team --cloud --prompt-tokens --cloud-fall --escalated --local --machine --machine-price --load-watts --idle-watts --idle-share --on-hours --region --usd-per-kwh --decode-tps --prefill-tps --bench --context --local-cache-hit --batching --available-hours --duty-cap --alternative-price --setup-hours --setup-rate --upkeep --discount-rate --lifetime-months --resale-share --mtok --explain --prices --machines --on --format --text -T --quiet -q --help -h' ;;
    'catalogue') echo '--prices --machines --on --format --text -T --quiet -q --help -h' ;;
    esac
}

_llm_cost_value() {
    case "$1 $2" in
    ' --prices') echo 'files' ;;
    ' --machines') echo 'files' ;;
    ' --on') echo 'text' ;;
    ' --format') echo 'words auto jsonl text' ;;
    'payback --profile') echo 'list profiles' ;;
    'payback --input-mtok') echo 'text' ;;
    'payback --output-mtok') echo 'text' ;;
    'payback --usage') echo 'files' ;;
    'payback --days') echo 'text' ;;
    'payback --cache-hit') echo 'text' ;;
    'payback --cache-write') echo 'text' ;;
    'payback --cache-write-1h') echo 'text' ;;
    'payback --batch') echo 'text' ;;
    'payback --team') echo 'text' ;;
    'payback --cloud') echo 'list prices' ;;
    'payback --prompt-tokens') echo 'text' ;;
    'payback --cloud-fall') echo 'text' ;;
    'payback --escalated') echo 'text' ;;
    'payback --local') echo 'list models' ;;
    'payback --machine') echo 'list machines' ;;
    'payback --machine-price') echo 'text' ;;
    'payback --load-watts') echo 'text' ;;
    'payback --idle-watts') echo 'text' ;;
    'payback --idle-share') echo 'text' ;;
    'payback --on-hours') echo 'text' ;;
    'payback --region') echo 'list electricity' ;;
    'payback --usd-per-kwh') echo 'text' ;;
    'payback --decode-tps') echo 'text' ;;
    'payback --prefill-tps') echo 'text' ;;
    'payback --bench') echo 'files' ;;
    'payback --context') echo 'text' ;;
    'payback --local-cache-hit') echo 'text' ;;
    'payback --batching') echo 'text' ;;
    'payback --available-hours') echo 'text' ;;
    'payback --duty-cap') echo 'text' ;;
    'payback --alternative-price') echo 'text' ;;
    'payback --setup-hours') echo 'text' ;;
    'payback --setup-rate') echo 'text' ;;
    'payback --upkeep') echo 'text' ;;
    'payback --discount-rate') echo 'text' ;;
    'payback --lifetime-months') echo 'text' ;;
    'payback --resale-share') echo 'text' ;;
    'payback --plot') echo 'files' ;;
    'payback --prices') echo 'files' ;;
    'payback --machines') echo 'files' ;;
    'payback --on') echo 'text' ;;
    'payback --format') echo 'words auto jsonl text' ;;
    'floor --machine') echo 'list machines' ;;
    'floor --budget') echo 'text' ;;
    'floor --context') echo 'text' ;;
    'floor --cache-type') echo 'words f16 q8_0 q5_1 q4_0' ;;
    'floor --plot') echo 'files' ;;
    'floor --prices') echo 'files' ;;
    'floor --machines') echo 'files' ;;
    'floor --on') echo 'text' ;;
    'floor --format') echo 'words auto jsonl text' ;;
    'usage --by') echo 'words day model' ;;
    'usage --cloud') echo 'list prices' ;;
    'usage --machine') echo 'list machines' ;;
    'usage --load-watts') echo 'text' ;;
    'usage --region') echo 'list electricity' ;;
    'usage --usd-per-kwh') echo 'text' ;;
    'usage --prices') echo 'files' ;;
    'usage --machines') echo 'files' ;;
    'usage --on') echo 'text' ;;
    'usage --format') echo 'words auto jsonl text' ;;
    'compare --profile') echo 'list profiles' ;;
    'compare --input-mtok') echo 'text' ;;
    'compare --output-mtok') echo 'text' ;;
    'compare --usage') echo 'files' ;;
    'compare --days') echo 'text' ;;
    'compare --cache-hit') echo 'text' ;;
    'compare --cache-write') echo 'text' ;;
    'compare --cache-write-1h') echo 'text' ;;
    'compare --batch') echo 'text' ;;
    'compare --team') echo 'text' ;;
    'compare --cloud') echo 'list prices' ;;
    'compare --prompt-tokens') echo 'text' ;;
    'compare --cloud-fall') echo 'text' ;;
    'compare --escalated') echo 'text' ;;
    'compare --local') echo 'list models' ;;
    'compare --machine') echo 'list machines' ;;
    'compare --machine-price') echo 'text' ;;
    'compare --load-watts') echo 'text' ;;
    'compare --idle-watts') echo 'text' ;;
    'compare --idle-share') echo 'text' ;;
    'compare --on-hours') echo 'text' ;;
    'compare --region') echo 'list electricity' ;;
    'compare --usd-per-kwh') echo 'text' ;;
    'compare --decode-tps') echo 'text' ;;
    'compare --prefill-tps') echo 'text' ;;
    'compare --bench') echo 'files' ;;
    'compare --context') echo 'text' ;;
    'compare --local-cache-hit') echo 'text' ;;
    'compare --batching') echo 'text' ;;
    'compare --available-hours') echo 'text' ;;
    'compare --duty-cap') echo 'text' ;;
    'compare --alternative-price') echo 'text' ;;
    'compare --setup-hours') echo 'text' ;;
    'compare --setup-rate') echo 'text' ;;
    'compare --upkeep') echo 'text' ;;
    'compare --discount-rate') echo 'text' ;;
    'compare --lifetime-months') echo 'text' ;;
    'compare --resale-share') echo 'text' ;;
    'compare --mtok') echo 'text' ;;
    'compare --prices') echo 'files' ;;
    'compare --machines') echo 'files' ;;
    'compare --on') echo 'text' ;;
    'compare --format') echo 'words auto jsonl text' ;;
    'catalogue --prices') echo 'files' ;;
    'catalogue --machines') echo 'files' ;;
    'catalogue --on') echo 'text' ;;
    'catalogue --format') echo 'words auto jsonl text' ;;
    esac
}

_llm_cost_place() {
    case "$1 $2" in
    ' '*) echo 'text' ;;
    'payback '*) echo 'text' ;;
    'floor '*) echo 'list models' ;;
    'usage '*) echo 'files' ;;
    'compare '*) echo 'text' ;;
    'catalogue '*) echo 'words prices machines models quants electricity profiles predictor' ;;
    esac
}

_llm_cost_names() {
    case $1 in
    profiles) llm-cost catalogue profiles --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    prices) llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    models) llm-cost catalogue models --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    machines) llm-cost catalogue machines --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    electricity) llm-cost catalogue electricity --format jsonl 2>/dev/null </dev/null | sed -n 's/.*"row":{"[a-z_]*":"\([^"]*\)".*/\1/p' ;;
    esac
}

_llm_cost() {
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
            [[ $word == --*=* ]] || takes=$(_llm_cost_value "$call" "$word")
        elif [[ -z $ended && -z $call && $place == 0 ]] && _llm_cost_is_call "$word"; then
            call=$word
        else
            place=$((place + 1))
        fi
    done
    if [[ -z $takes && -z $ended && $cur == --*=* ]]; then
        takes=$(_llm_cost_value "$call" "${cur%%=*}")
        before=${cur%%=*}=
        cur=${cur#*=}
    elif [[ -z $takes && -z $ended && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_llm_cost_flags "$call")" -- "$cur"))
        return
    elif [[ -z $takes ]]; then
        takes=$(_llm_cost_place "$call" "$place")
        if [[ -z $call && -z $ended && $place == 0 ]]; then
            COMPREPLY=($(compgen -W "$_llm_cost_calls" -- "$cur"))
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
        done < <(_llm_cost_names "${takes#list }")
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

complete -o bashdefault -o default -F _llm_cost llm-cost
