_llm__cost() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="llm__cost"
                ;;
            llm__cost,catalogue)
                cmd="llm__cost__subcmd__catalogue"
                ;;
            llm__cost,compare)
                cmd="llm__cost__subcmd__compare"
                ;;
            llm__cost,floor)
                cmd="llm__cost__subcmd__floor"
                ;;
            llm__cost,payback)
                cmd="llm__cost__subcmd__payback"
                ;;
            llm__cost,usage)
                cmd="llm__cost__subcmd__usage"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        llm__cost)
            opts="-T -q -h -V --prices --machines --on --format --text --quiet --help --version payback floor usage compare catalogue"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        llm__subcmd__cost__subcmd__catalogue)
            opts="-T -q -h --prices --machines --on --format --text --quiet --help prices machines models quants electricity profiles predictor"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        llm__subcmd__cost__subcmd__compare)
            opts="-T -q -h --profile --input-mtok --output-mtok --usage --days --cache-hit --cache-write --cache-write-1h --batch --team --cloud --prompt-tokens --cloud-fall --escalated --local --machine --machine-price --load-watts --idle-watts --idle-share --on-hours --region --usd-per-kwh --decode-tps --prefill-tps --bench --context --local-cache-hit --batching --available-hours --duty-cap --alternative-price --setup-hours --setup-rate --upkeep --discount-rate --lifetime-months --resale-share --mtok --explain --prices --machines --on --format --text --quiet --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --input-mtok)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output-mtok)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --usage)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --days)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-hit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-write)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-write-1h)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batch)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --team)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cloud)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prompt-tokens)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cloud-fall)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --escalated)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --local)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machine)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machine-price)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-watts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idle-watts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idle-share)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --region)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --usd-per-kwh)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --decode-tps)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prefill-tps)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bench)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --context)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --local-cache-hit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batching)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --available-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --duty-cap)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --alternative-price)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --setup-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --setup-rate)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --upkeep)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --discount-rate)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --lifetime-months)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --resale-share)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --mtok)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        llm__subcmd__cost__subcmd__floor)
            opts="-T -q -h --machine --this-machine --budget --context --cache-type --explain --plot --overwrite --prices --machines --on --format --text --quiet --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --machine)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --budget)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --context)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-type)
                    COMPREPLY=($(compgen -W "f16 q8_0 q5_1 q4_0" -- "${cur}"))
                    return 0
                    ;;
                --plot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        llm__subcmd__cost__subcmd__payback)
            opts="-T -q -h --profile --input-mtok --output-mtok --usage --days --cache-hit --cache-write --cache-write-1h --batch --team --cloud --prompt-tokens --cloud-fall --escalated --local --machine --machine-price --load-watts --idle-watts --idle-share --on-hours --region --usd-per-kwh --decode-tps --prefill-tps --bench --context --local-cache-hit --batching --available-hours --duty-cap --alternative-price --setup-hours --setup-rate --upkeep --discount-rate --lifetime-months --resale-share --explain --plot --overwrite --prices --machines --on --format --text --quiet --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --input-mtok)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output-mtok)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --usage)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --days)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-hit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-write)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cache-write-1h)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batch)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --team)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cloud)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prompt-tokens)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cloud-fall)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --escalated)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --local)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machine)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machine-price)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-watts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idle-watts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idle-share)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --region)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --usd-per-kwh)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --decode-tps)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prefill-tps)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bench)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --context)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --local-cache-hit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --batching)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --available-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --duty-cap)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --alternative-price)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --setup-hours)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --setup-rate)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --upkeep)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --discount-rate)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --lifetime-months)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --resale-share)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --plot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        llm__subcmd__cost__subcmd__usage)
            opts="-T -q -h --by --cloud --machine --load-watts --region --usd-per-kwh --explain --prices --machines --on --format --text --quiet --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --by)
                    COMPREPLY=($(compgen -W "day model" -- "${cur}"))
                    return 0
                    ;;
                --cloud)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machine)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-watts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --region)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --usd-per-kwh)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --prices)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --machines)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --on)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "auto jsonl text" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _llm__cost -o nosort -o bashdefault -o default llm-cost
else
    complete -F _llm__cost -o bashdefault -o default llm-cost
fi
