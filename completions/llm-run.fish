<<<<<<< HEAD
# Completions of llm-run for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_run_calls 
set -g _llm_run_valued --prompt -p --file -f --chunk --template --keep --on-overflow --if-empty --max-line-bytes --model -m --ctx-size -c --quantize --lora --system --chat-template --think --n-predict -n --seed -s --temp --top-k --top-p --min-p --repeat-penalty --repeat-last-n --stop --choices --format --output -o --reasoning --parallel --resume --timeout --max-errors --prefix-cache --replay --watts --cloud --device --threads -t

# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _llm_run_is
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
            contains -- "$call$word" $_llm_run_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_llm_run_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __llm_run_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end

complete -c llm-run -n "_llm_run_is ''" -l prompt -s p -x -d 'Use this text as the input instead of standard input'
complete -c llm-run -n "_llm_run_is ''" -l file -s f -r -F -d 'Read the input from this file (\'-\': standard input); several are read one after another'
complete -c llm-run -n "_llm_run_is ''" -l lines -d 'Treat each line of the input as a separate prompt; blank lines get no record'
complete -c llm-run -n "_llm_run_is ''" -l jsonl -d 'Treat each line as a JSON object with \'prompt\' or \'messages\', as a record of this toolkit, or as a request of an OpenAI batch file, which is answered in that format; blank lines get no record'
complete -c llm-run -n "_llm_run_is ''" -l csv -d 'Read the input as CSV with a header line: each row is a separate prompt, from the column \'prompt\' or \'text\' or made with --template, and the column \'id\' is its id'
complete -c llm-run -n "_llm_run_is ''" -l slurp -d 'Join all lines into one request: their texts in order, separated by blank lines; without --jsonl, --lines or --csv the input is one request anyway'
complete -c llm-run -n "_llm_run_is ''" -l chunk -x -d 'Split the input into chunks of at most TOKENS tokens, each a separate prompt: between paragraphs, else lines, sentences, words or characters'
complete -c llm-run -n "_llm_run_is ''" -l template -x -d 'Make each prompt from this text; {{field}} stands for a field of the line'
complete -c llm-run -n "_llm_run_is ''" -l keep -x -d 'Keep this field of the line under \'input\' in its record; may be given several times'
complete -c llm-run -n "_llm_run_is ''" -l on-overflow -x -a 'error head tail middle' -d 'Choose what to do if prompt and answer do not fit the context: fail, or cut this part of the text. The room for the answer is -n if given, else at most a quarter of the context'
complete -c llm-run -n "_llm_run_is ''" -l if-empty -x -a 'error skip run' -d 'Choose what to do if the input is empty; with --lines, --jsonl or --csv it may have no lines'
complete -c llm-run -n "_llm_run_is ''" -l max-line-bytes -x -d 'Reject lines longer than N bytes'
complete -c llm-run -n "_llm_run_is ''" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Use this model: a name from `llm-pull ls`, ORG/REPO:QUANT, a .gguf file or a folder of safetensors [default: smollm2]'
complete -c llm-run -n "_llm_run_is ''" -l ctx-size -s c -x -d 'Use a context of N tokens (0: what the request needs, up to the model\'s limit)'
complete -c llm-run -n "_llm_run_is ''" -l quantize -x -a 'q8_0 q4_k' -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory'
complete -c llm-run -n "_llm_run_is ''" -l lora -x -d 'Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1); may be repeated, and a JSON line may choose others by NAME in its field \'lora\''
complete -c llm-run -n "_llm_run_is ''" -l system -x -d 'Put this system message before the conversation'
complete -c llm-run -n "_llm_run_is ''" -l chat-template -r -F -d 'Use the chat template (Jinja) in this file instead of the model\'s own'
complete -c llm-run -n "_llm_run_is ''" -l no-template -d 'Give the model the text as is, without a chat template'
complete -c llm-run -n "_llm_run_is ''" -l think -x -a 'on off' -d 'Turn thinking before the answer on or off, if the model\'s chat template has a switch for it'
complete -c llm-run -n "_llm_run_is ''" -l parse-special -d 'Parse control tokens that are written out in prompts, instead of taking them as text'
complete -c llm-run -n "_llm_run_is ''" -l n-predict -s n -x -d 'Generate at most N tokens (-1: to the end of the context)'
complete -c llm-run -n "_llm_run_is ''" -l seed -s s -x -d 'Seed the random draws with N (default: 0; -1: draw a seed, which the record names)'
complete -c llm-run -n "_llm_run_is ''" -l temp -x -d 'Set the temperature (0: always take the most likely token)'
complete -c llm-run -n "_llm_run_is ''" -l top-k -x -d 'Keep the K most likely tokens (0: all)'
complete -c llm-run -n "_llm_run_is ''" -l top-p -x -d 'Keep the most likely tokens that together have probability P'
complete -c llm-run -n "_llm_run_is ''" -l min-p -x -d 'Keep tokens that are at least P times as likely as the most likely one'
complete -c llm-run -n "_llm_run_is ''" -l repeat-penalty -x -d 'Divide the logits of recent tokens by X (1: off)'
complete -c llm-run -n "_llm_run_is ''" -l repeat-last-n -x -d 'Count the last N tokens as recent (-1: the whole context)'
complete -c llm-run -n "_llm_run_is ''" -l stop -x -d 'End the answer before this text; may be given several times'
complete -c llm-run -n "_llm_run_is ''" -l choices -x -d 'Answer with the most likely of these labels, separated by commas, and generate nothing. Spaces around a label are ignored, unless the first label starts with a space; then all of them do'
complete -c llm-run -n "_llm_run_is ''" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-run -n "_llm_run_is ''" -l text -s T -d 'Write the answer and a newline, nothing else; short for --format text'
complete -c llm-run -n "_llm_run_is ''" -l output -s o -r -F -d 'Write to this file instead of standard output (\'-\')'
complete -c llm-run -n "_llm_run_is ''" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-run -n "_llm_run_is ''" -l stream -d 'Write the answer in pieces as it is generated: \'delta\' records, or text'
complete -c llm-run -n "_llm_run_is ''" -l count -d 'Write how many tokens each prompt has, without running it'
complete -c llm-run -n "_llm_run_is ''" -l show-prompt -d 'Write each prompt as the model would see it, and its tokens, without running it'
complete -c llm-run -n "_llm_run_is ''" -l reasoning -x -a 'include stderr drop' -d 'Choose where the model\'s reasoning goes; text output never contains it'
complete -c llm-run -n "_llm_run_is ''" -l null -s 0 -d 'End each text with NUL instead of a newline'
complete -c llm-run -n "_llm_run_is ''" -l parallel -x -d 'Answer up to N lines at once; answers do not depend on it (default: eight per thread, as far as memory allows)'
complete -c llm-run -n "_llm_run_is ''" -l unordered -d 'Write each record as soon as its line is answered, not in the order of the input'
complete -c llm-run -n "_llm_run_is ''" -l resume -r -F -d 'Skip lines whose record is already in FILE; for use with \'>> FILE\', since -o FILE does it by itself'
complete -c llm-run -n "_llm_run_is ''" -l retry-errors -d 'Answer again the lines whose record in the file to be continued is an error'
complete -c llm-run -n "_llm_run_is ''" -l repair -d 'Move lines torn by a crash from the -o file to FILE.torn, and continue'
complete -c llm-run -n "_llm_run_is ''" -l timeout -x -d 'Close a line with an error if its prompt and its answer take longer than SECONDS'
complete -c llm-run -n "_llm_run_is ''" -l max-errors -x -d 'Start no more lines after N have failed'
complete -c llm-run -n "_llm_run_is ''" -l prefix-cache -r -F -d 'Cache the computed start that all prompts share (instruction, system text) in the folder DIR for the next run with the same model; answers do not depend on it'
complete -c llm-run -n "_llm_run_is ''" -l record-request -d 'Keep the whole request under \'request\' in its record, which is then enough to run it again'
complete -c llm-run -n "_llm_run_is ''" -l replay -r -F -d 'Run the requests recorded in FILE again, each with its recorded settings, and report what differs; unless FILE was made with --record-request, the original rows are read as with --jsonl'
complete -c llm-run -n "_llm_run_is ''" -l estimate -d 'Estimate what the run would take (tokens, memory, hours, energy, the price in a cloud), without running it; with --resume FILE, only for the lines that are left'
complete -c llm-run -n "_llm_run_is ''" -l watts -x -d 'Assume that the machine draws N watts under load, for the energy of --estimate'
complete -c llm-run -n "_llm_run_is ''" -l cloud -x -a '(llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_run_list)' -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several'
complete -c llm-run -n "_llm_run_is ''" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-run -n "_llm_run_is ''" -l device -x -a 'auto cpu cuda metal candle' -d 'Compute on this device'
complete -c llm-run -n "_llm_run_is ''" -l threads -s t -x -d 'Use N threads (-1, the default: one per core); answers do not depend on it'
complete -c llm-run -n "_llm_run_is ''" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-run -n "_llm_run_is ''" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-run -n "_llm_run_is ''" -l version -s V -d 'Print version'
complete -c llm-run -n "_llm_run_is ''" -f
=======
complete -c llm-run -s p -l prompt -d 'Use this text as the input instead of standard input' -r
complete -c llm-run -s f -l file -d 'Read the input from this file (\'-\': standard input); several are read one after another' -r -F
complete -c llm-run -l chunk -d 'Split the input into chunks of at most TOKENS tokens, each a separate prompt: between paragraphs, else lines, sentences, words or characters' -r
complete -c llm-run -l template -d 'Make each prompt from this text; {{field}} stands for a field of the line' -r
complete -c llm-run -l keep -d 'Keep this field of the line under \'input\' in its record; may be given several times' -r
complete -c llm-run -l on-overflow -d 'Choose what to do if prompt and answer do not fit the context: fail, or cut this part of the text. The room for the answer is -n if given, else at most a quarter of the context' -r -f -a "error\t'Fail'
head\t'Cut the beginning of the text'
tail\t'Cut the end of the text'
middle\t'Cut the middle of the text'"
complete -c llm-run -l if-empty -d 'Choose what to do if the input is empty; with --lines, --jsonl or --csv it may have no lines' -r -f -a "error\t'Report it and fail'
skip\t'Skip it and write nothing'
run\t'Run the instruction alone'"
complete -c llm-run -l max-line-bytes -d 'Reject lines longer than N bytes' -r
complete -c llm-run -s m -l model -d 'Use this model: a name from `llm-pull ls`, ORG/REPO:QUANT, a .gguf file or a folder of safetensors [default: smollm2]' -r
complete -c llm-run -s c -l ctx-size -d 'Use a context of N tokens (0: what the request needs, up to the model\'s limit)' -r
complete -c llm-run -l quantize -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory' -r -f -a "q8_0\t'8.5 bits per weight'
q4_k\t'4.5 bits per weight, 8.5 for the output matrix and where rows do not fit'"
complete -c llm-run -l lora -d 'Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1); may be repeated, and a JSON line may choose others by NAME in its field \'lora\'' -r
complete -c llm-run -l system -d 'Put this system message before the conversation' -r
complete -c llm-run -l chat-template -d 'Use the chat template (Jinja) in this file instead of the model\'s own' -r -F
complete -c llm-run -l think -d 'Turn thinking before the answer on or off, if the model\'s chat template has a switch for it' -r -f -a "on\t'Think before answering'
off\t'Answer at once'"
complete -c llm-run -s n -l n-predict -d 'Generate at most N tokens (-1: to the end of the context)' -r
complete -c llm-run -s s -l seed -d 'Seed the random draws with N (default: 0; -1: draw a seed, which the record names)' -r
complete -c llm-run -l temp -d 'Set the temperature (0: always take the most likely token)' -r
complete -c llm-run -l top-k -d 'Keep the K most likely tokens (0: all)' -r
complete -c llm-run -l top-p -d 'Keep the most likely tokens that together have probability P' -r
complete -c llm-run -l min-p -d 'Keep tokens that are at least P times as likely as the most likely one' -r
complete -c llm-run -l repeat-penalty -d 'Divide the logits of recent tokens by X (1: off)' -r
complete -c llm-run -l repeat-last-n -d 'Count the last N tokens as recent (-1: the whole context)' -r
complete -c llm-run -l stop -d 'End the answer before this text; may be given several times' -r
complete -c llm-run -l choices -d 'Answer with the most likely of these labels, separated by commas, and generate nothing. Spaces around a label are ignored, unless the first label starts with a space; then all of them do' -r
complete -c llm-run -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-run -s o -l output -d 'Write to this file instead of standard output (\'-\')' -r -F
complete -c llm-run -l reasoning -d 'Choose where the model\'s reasoning goes; text output never contains it' -r -f -a "include\t'In the records, beside the answer'
stderr\t'To standard error, as it is generated'
drop\t'Nowhere'"
complete -c llm-run -l parallel -d 'Answer up to N lines at once; answers do not depend on it (default: eight per thread, as far as memory allows)' -r
complete -c llm-run -l resume -d 'Skip lines whose record is already in FILE; for use with \'>> FILE\', since -o FILE does it by itself' -r -F
complete -c llm-run -l timeout -d 'Close a line with an error if its prompt and its answer take longer than SECONDS' -r
complete -c llm-run -l max-errors -d 'Start no more lines after N have failed' -r
complete -c llm-run -l prefix-cache -d 'Cache the computed start that all prompts share (instruction, system text) in the folder DIR for the next run with the same model; answers do not depend on it' -r -F
complete -c llm-run -l replay -d 'Run the requests recorded in FILE again, each with its recorded settings, and report what differs; unless FILE was made with --record-request, the original rows are read as with --jsonl' -r -F
complete -c llm-run -l watts -d 'Assume that the machine draws N watts under load, for the energy of --estimate' -r
complete -c llm-run -l cloud -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several' -r
complete -c llm-run -l device -d 'Compute on this device' -r -f -a "auto\t'A GPU if support for one is compiled in, one is present and the model fits; otherwise the CPU'
cpu\t'The CPU, with the kernels of this toolkit'
cuda\t'An NVIDIA GPU'
metal\t'An Apple GPU'
candle\t'The reference implementation on the CPU: slow and exact, for comparison'"
complete -c llm-run -s t -l threads -d 'Use N threads (-1, the default: one per core); answers do not depend on it' -r
complete -c llm-run -l lines -d 'Treat each line of the input as a separate prompt; blank lines get no record'
complete -c llm-run -l jsonl -d 'Treat each line as a JSON object with \'prompt\' or \'messages\', as a record of this toolkit, or as a request of an OpenAI batch file, which is answered in that format; blank lines get no record'
complete -c llm-run -l csv -d 'Read the input as CSV with a header line: each row is a separate prompt, from the column \'prompt\' or \'text\' or made with --template, and the column \'id\' is its id'
complete -c llm-run -l slurp -d 'Join all lines into one request: their texts in order, separated by blank lines; without --jsonl, --lines or --csv the input is one request anyway'
complete -c llm-run -l no-template -d 'Give the model the text as is, without a chat template'
complete -c llm-run -l parse-special -d 'Parse control tokens that are written out in prompts, instead of taking them as text'
complete -c llm-run -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-run -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-run -l stream -d 'Write the answer in pieces as it is generated: \'delta\' records, or text'
complete -c llm-run -l count -d 'Write how many tokens each prompt has, without running it'
complete -c llm-run -l show-prompt -d 'Write each prompt as the model would see it, and its tokens, without running it'
complete -c llm-run -s 0 -l null -d 'End each text with NUL instead of a newline'
complete -c llm-run -l unordered -d 'Write each record as soon as its line is answered, not in the order of the input'
complete -c llm-run -l retry-errors -d 'Answer again the lines whose record in the file to be continued is an error'
complete -c llm-run -l repair -d 'Move lines torn by a crash from the -o file to FILE.torn, and continue'
complete -c llm-run -l record-request -d 'Keep the whole request under \'request\' in its record, which is then enough to run it again'
complete -c llm-run -l estimate -d 'Estimate what the run would take (tokens, memory, hours, energy, the price in a cloud), without running it; with --resume FILE, only for the lines that are left'
complete -c llm-run -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-run -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-run -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-run -s V -l version -d 'Print version'
>>>>>>> costs
