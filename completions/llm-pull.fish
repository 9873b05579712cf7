# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_llm_pull_global_optspecs
    string join \n revision= include= dry-run force format= T/text q/quiet h/help V/version
end

function __fish_llm_pull_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_llm_pull_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_llm_pull_using_subcommand
    set -l cmd (__fish_llm_pull_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c llm-pull -n "__fish_llm_pull_needs_command" -l revision -d 'Fetch this branch, tag or commit' -r
complete -c llm-pull -n "__fish_llm_pull_needs_command" -l include -d 'Fetch the files that match this pattern; may be given several times' -r
complete -c llm-pull -n "__fish_llm_pull_needs_command" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-pull -n "__fish_llm_pull_needs_command" -l dry-run -d 'Say what would be fetched, without fetching it'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -s V -l version -d 'Print version'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -a "import" -d 'Add a file on this machine to the store, by a link where that is possible'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -a "ls" -d 'List the models on this machine'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -a "rm" -d 'Remove a model'
complete -c llm-pull -n "__fish_llm_pull_needs_command" -a "show" -d 'Describe a model from its header: architecture, size, quantization, context, tokenizer'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -l name -d 'Keep it under this name instead of the file\'s own' -r
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand ls" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-pull -n "__fish_llm_pull_using_subcommand ls" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand ls" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand rm" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-pull -n "__fish_llm_pull_using_subcommand rm" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand rm" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand show" -l tokenize -d 'Write the tokens of this text instead (- for standard input): as it stands, without template and BOS, markup in it as plain text' -r
complete -c llm-pull -n "__fish_llm_pull_using_subcommand show" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-pull -n "__fish_llm_pull_using_subcommand show" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand show" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-pull -n "__fish_llm_pull_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
