# Completions of llm-pull for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_pull_calls import ls rm show
set -g _llm_pull_valued --revision --include --format import--name import--format ls--format rm--format show--tokenize show--format

# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _llm_pull_is
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
            contains -- "$call$word" $_llm_pull_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_llm_pull_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __llm_pull_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end

complete -c llm-pull -n "_llm_pull_is '' 0" -f -a import -d 'Add a file on this machine to the store, by a link where that is possible'
complete -c llm-pull -n "_llm_pull_is '' 0" -f -a ls -d 'List the models on this machine'
complete -c llm-pull -n "_llm_pull_is '' 0" -f -a rm -d 'Remove a model'
complete -c llm-pull -n "_llm_pull_is '' 0" -f -a show -d 'Describe a model from its header: architecture, size, quantization, context, tokenizer'
complete -c llm-pull -n "_llm_pull_is ''" -l revision -x -d 'Fetch this branch, tag or commit'
complete -c llm-pull -n "_llm_pull_is ''" -l include -x -d 'Fetch the files that match this pattern; may be given several times'
complete -c llm-pull -n "_llm_pull_is ''" -l dry-run -d 'Say what would be fetched, without fetching it'
complete -c llm-pull -n "_llm_pull_is ''" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-pull -n "_llm_pull_is ''" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-pull -n "_llm_pull_is ''" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "_llm_pull_is ''" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "_llm_pull_is ''" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "_llm_pull_is ''" -l version -s V -d 'Print version'
complete -c llm-pull -n "_llm_pull_is ''" -f -a '(llm-pull ls --all -T 2>/dev/null)'
complete -c llm-pull -n "_llm_pull_is 'import'" -l name -x -d 'Keep it under this name instead of the file\'s own'
complete -c llm-pull -n "_llm_pull_is 'import'" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-pull -n "_llm_pull_is 'import'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-pull -n "_llm_pull_is 'import'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "_llm_pull_is 'import'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "_llm_pull_is 'import'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "_llm_pull_is 'ls'" -l all -d 'List the models of the catalogue, which can be fetched by name: how large they are, about how much memory they need with a context of 8192 tokens, and whether this machine has as much'
complete -c llm-pull -n "_llm_pull_is 'ls'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-pull -n "_llm_pull_is 'ls'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "_llm_pull_is 'ls'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "_llm_pull_is 'ls'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "_llm_pull_is 'ls'" -f
complete -c llm-pull -n "_llm_pull_is 'rm'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-pull -n "_llm_pull_is 'rm'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "_llm_pull_is 'rm'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "_llm_pull_is 'rm'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "_llm_pull_is 'rm'" -a '(llm-pull ls -T 2>/dev/null)'
complete -c llm-pull -n "_llm_pull_is 'show'" -l tokenize -x -d 'Write the tokens of this text instead (- for standard input): as it stands, without template and BOS, markup in it as plain text'
complete -c llm-pull -n "_llm_pull_is 'show'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-pull -n "_llm_pull_is 'show'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "_llm_pull_is 'show'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "_llm_pull_is 'show'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "_llm_pull_is 'show'" -a '(llm-pull ls -T 2>/dev/null)'
