# Completions of llm-run for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_run_calls 
set -g _llm_run_valued --prompt -p --file -f --each --files0-from --delimiter --chunk --template --template-file --keep --on-overflow --if-empty --max-line-bytes --model -m --ctx-size -c --quantize --lora --system --system-file --chat-template --think --schema --regex --grammar --schema-prompt --tools --n-predict -n --seed -s --temp --top-k --top-p --min-p --repeat-penalty --repeat-last-n --stop --choices --stop-repetition --presence-penalty --frequency-penalty --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker --top-n-sigma --typical-p --xtc-probability --xtc-threshold --dynatemp-range --dynatemp-exp --mirostat --mirostat-ent --mirostat-lr --adaptive-target --adaptive-decay --min-keep --samplers --logit-bias --ignore-eos --suppress-tokens --begin-suppress-tokens --logprobs --format --output -o --reasoning --parallel --resume --on-conflict --timeout --max-errors --progress-every --prefix-cache --replay --watts --cloud --device --threads -t

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
complete -c llm-run -n "_llm_run_is ''" -l each -r -F -d 'Run one request for each of these files, with the model loaded once; the record has the file\'s name under \'input.path\''
complete -c llm-run -n "_llm_run_is ''" -l files0-from -r -F -d 'Run one request for each file that is named in FILE (\'-\': standard input), each name ended by NUL'
complete -c llm-run -n "_llm_run_is ''" -l lines -d 'Treat each line of the input as a separate prompt; blank lines get no record'
complete -c llm-run -n "_llm_run_is ''" -l jsonl -d 'Treat each line as a JSON object with \'prompt\' or \'messages\', as a record of this toolkit, or as a request of an OpenAI batch file, which is answered in that format; blank lines get no record. An array of such objects is read as its elements'
complete -c llm-run -n "_llm_run_is ''" -l csv -d 'Read the input as CSV with a header line: each row is a separate prompt, from the column \'prompt\', \'text\' or \'input\' or made with --template, and the column \'id\' is its id'
complete -c llm-run -n "_llm_run_is ''" -l delimiter -x -d 'Take C for what separates the columns of --csv (\\t: a tab); without it a comma, or a semicolon or a tab where the header has those and no comma'
complete -c llm-run -n "_llm_run_is ''" -l slurp -d 'Join all lines into one request: their texts in order, separated by blank lines; without --jsonl, --lines or --csv the input is one request anyway'
complete -c llm-run -n "_llm_run_is ''" -l chunk -x -d 'Split the input into chunks of at most TOKENS tokens, each a separate prompt: between paragraphs, else lines, sentences, words or characters'
complete -c llm-run -n "_llm_run_is ''" -l template -x -d 'Make each prompt from this text; {{field}} stands for a field of the line, \\n for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-run -n "_llm_run_is ''" -l template-file -x -d 'Make each prompt from the text in this file, as it stands'
complete -c llm-run -n "_llm_run_is ''" -l keep -x -d 'Keep this field of the line under \'input\' in its record; may be given several times'
complete -c llm-run -n "_llm_run_is ''" -l ignore-unsupported -d 'Ignore what a line asks for and does not get (an `n` of 3 say), instead of closing the line with an error; each record lists it under \'ignored\''
complete -c llm-run -n "_llm_run_is ''" -l keep-text -d 'Keep the text of each request under \'input.text\' in its record'
complete -c llm-run -n "_llm_run_is ''" -l on-overflow -x -a 'error head tail middle' -d 'Choose what to do if prompt and answer do not fit the context: fail, or cut this part of the text. The room for the answer is -n if given, else at most a quarter of the context'
complete -c llm-run -n "_llm_run_is ''" -l if-empty -x -a 'error skip run' -d 'Choose what to do if the input is empty; with --lines, --jsonl or --csv it may have no lines'
complete -c llm-run -n "_llm_run_is ''" -l max-line-bytes -x -d 'Reject lines longer than N bytes'
complete -c llm-run -n "_llm_run_is ''" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Use this model: a name from `llm-pull ls`, ORG/REPO:QUANT, a .gguf file or a folder of safetensors [default: `LLM_MODEL` of the environment, else qwen2.5-coder-0.5b]'
complete -c llm-run -n "_llm_run_is ''" -l ctx-size -s c -x -d 'Use a context of N tokens (0: what the request needs, up to the model\'s limit)'
complete -c llm-run -n "_llm_run_is ''" -l quantize -x -a 'q8_0 q4_k' -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory'
complete -c llm-run -n "_llm_run_is ''" -l lora -x -d 'Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1); may be repeated, and a JSON line may choose others by NAME in its field \'lora\''
complete -c llm-run -n "_llm_run_is ''" -l system -x -d 'Put this system message before the conversation; \\n stands for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-run -n "_llm_run_is ''" -l system-file -x -d 'Put the system message in this file, as it stands, before the conversation'
complete -c llm-run -n "_llm_run_is ''" -l chat-template -r -F -d 'Use the chat template (Jinja) in this file instead of the model\'s own'
complete -c llm-run -n "_llm_run_is ''" -l no-template -d 'Give the model the text as is, without a chat template'
complete -c llm-run -n "_llm_run_is ''" -l think -x -a 'on off' -d 'Turn thinking before the answer on or off, if the model\'s chat template has a switch for it'
complete -c llm-run -n "_llm_run_is ''" -l parse-special -d 'Parse control tokens that are written out in prompts, instead of taking them as text'
complete -c llm-run -n "_llm_run_is ''" -l schema -x -d 'Answer with JSON that this JSON Schema describes: a file, the schema itself, or fields in short (\'name, age int, tags [str]\'). The value stands under \'json\' in the record'
complete -c llm-run -n "_llm_run_is ''" -l json -d 'Answer with JSON, whatever it holds'
complete -c llm-run -n "_llm_run_is ''" -l regex -x -d 'Answer with a text that this regular expression describes from beginning to end'
complete -c llm-run -n "_llm_run_is ''" -l grammar -x -d 'Answer with a text of the grammar in this file: Lark\'s syntax as llguidance reads it, or llama.cpp\'s (GBNF)'
complete -c llm-run -n "_llm_run_is ''" -l compact -d 'Write JSON without white space outside of its texts'
complete -c llm-run -n "_llm_run_is ''" -l schema-loose -d 'Leave out what of a schema cannot be enforced to the letter, instead of refusing it'
complete -c llm-run -n "_llm_run_is ''" -l schema-prompt -x -a 'on off' -d 'Choose whether the model is told of the schema'
complete -c llm-run -n "_llm_run_is ''" -l require-complete -d 'Close a line with an error (code \'incomplete\') where its answer is cut at the limit of tokens; an answer that must be JSON, or of a grammar, always is'
complete -c llm-run -n "_llm_run_is ''" -l tools -x -d 'Offer the tools of this file, OpenAI\'s list or an MCP server\'s answer to tools/list; the record holds what the model calls, and nothing is run'
complete -c llm-run -n "_llm_run_is ''" -l conversation -d 'Put the whole conversation into each record, under \'messages\'; with a turn added it is the next request'
complete -c llm-run -n "_llm_run_is ''" -l n-predict -s n -x -d 'Generate at most N tokens (-1: to the end of the context)'
complete -c llm-run -n "_llm_run_is ''" -l seed -s s -x -d 'Seed the random draws with N (default: 0; -1: draw a seed, which the record names)'
complete -c llm-run -n "_llm_run_is ''" -l temp -x -d 'Set the temperature (0: always take the most likely token)'
complete -c llm-run -n "_llm_run_is ''" -l top-k -x -d 'Keep the K most likely tokens (0: all)'
complete -c llm-run -n "_llm_run_is ''" -l top-p -x -d 'Keep the most likely tokens that together have probability P'
complete -c llm-run -n "_llm_run_is ''" -l min-p -x -d 'Keep tokens that are at least P times as likely as the most likely one'
complete -c llm-run -n "_llm_run_is ''" -l repeat-penalty -x -d 'Divide the logits of recent tokens by X (1: off)'
complete -c llm-run -n "_llm_run_is ''" -l repeat-last-n -x -d 'Count the last N tokens as recent (-1: the whole context)'
complete -c llm-run -n "_llm_run_is ''" -l stop -x -d 'End the answer before this text; \\n stands for a newline, \\t for a tab, \\\\ for a backslash; may be given several times'
complete -c llm-run -n "_llm_run_is ''" -l choices -x -d 'Answer with the most likely of these labels, separated by commas, and generate nothing. Spaces around a label are ignored, unless the first label starts with a space; then all of them do'
complete -c llm-run -n "_llm_run_is ''" -l stop-repetition -x -d 'End an answer whose last 128 tokens or more are one block of at most 256 tokens at least four times over (default: on where the most likely token is always taken)'
complete -c llm-run -n "_llm_run_is ''" -l presence-penalty -x -d 'Subtract X from the logits of recent tokens (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l frequency-penalty -x -d 'Subtract X from the logits of recent tokens for each time that they came (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l dry-multiplier -x -d 'DRY: subtract X from the logit of a token that continues a repetition (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l dry-base -x -d 'DRY: multiply the penalty by X for each further token that is repeated (default: 1.75)'
complete -c llm-run -n "_llm_run_is ''" -l dry-allowed-length -x -d 'DRY: let N tokens be repeated (default: 2)'
complete -c llm-run -n "_llm_run_is ''" -l dry-penalty-last-n -x -d 'DRY: look for repetitions in the last N tokens (default: 64; -1: the whole context)'
complete -c llm-run -n "_llm_run_is ''" -l dry-sequence-breaker -x -d 'DRY: end repetitions at this text instead of at newline, colon, double quote and asterisk; may be given several times (none: nowhere)'
complete -c llm-run -n "_llm_run_is ''" -l top-n-sigma -x -d 'Keep tokens whose logits are at most N standard deviations below the largest (0: all)'
complete -c llm-run -n "_llm_run_is ''" -l typical-p -x -d 'Keep the tokens most typical by their information that together have probability P (1: all)'
complete -c llm-run -n "_llm_run_is ''" -l xtc-probability -x -d 'XTC: leave out all top choices but the least likely one, with a chance of P (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l xtc-threshold -x -d 'XTC: count tokens of at least probability P as top choices (default: 0.1)'
complete -c llm-run -n "_llm_run_is ''" -l dynatemp-range -x -d 'Let the temperature follow the entropy, up to T higher or lower (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l dynatemp-exp -x -d 'Let the temperature follow the share of the greatest entropy to the power of X (default: 1)'
complete -c llm-run -n "_llm_run_is ''" -l mirostat -x -d 'Use mirostat 1 or 2 instead of all samplers but the temperature (0: off)'
complete -c llm-run -n "_llm_run_is ''" -l mirostat-ent -x -d 'Mirostat: aim at a surprise of TAU bits a token (default: 5)'
complete -c llm-run -n "_llm_run_is ''" -l mirostat-lr -x -d 'Mirostat: correct by ETA times the error with each token (default: 0.1)'
complete -c llm-run -n "_llm_run_is ''" -l adaptive-target -x -d 'Adaptive-p: prefer tokens of about probability P, after all other samplers (-1: off)'
complete -c llm-run -n "_llm_run_is ''" -l adaptive-decay -x -d 'Adaptive-p: keep X of the past with each token (default: 0.9)'
complete -c llm-run -n "_llm_run_is ''" -l min-keep -x -d 'Keep at least N tokens in top-p, min-p, typical sampling and XTC'
complete -c llm-run -n "_llm_run_is ''" -l samplers -x -d 'Use these samplers in this order, separated by semicolons (default: all but the last of penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature, adaptive_p, in this order)'
complete -c llm-run -n "_llm_run_is ''" -l logit-bias -x -d 'Add to a token\'s logit: ID+BIAS or ID-BIAS, or TEXT=BIAS for each token of a text (TEXT=-inf: ban it); may be given several times'
complete -c llm-run -n "_llm_run_is ''" -l ignore-eos -x -d 'Never let the model end the answer before its limit'
complete -c llm-run -n "_llm_run_is ''" -l suppress-tokens -x -d 'Never let these tokens come, ids separated by commas'
complete -c llm-run -n "_llm_run_is ''" -l begin-suppress-tokens -x -d 'Do not let these tokens come first, ids separated by commas'
complete -c llm-run -n "_llm_run_is ''" -l logprobs -x -d 'Tell the log-probability of each token of the answer, and of the N likeliest at its place: the model\'s own, before penalties, samplers and grammars (0 to 20; off: none of this)'
complete -c llm-run -n "_llm_run_is ''" -l format -x -a 'auto jsonl text csv tsv' -d 'Write records or text'
complete -c llm-run -n "_llm_run_is ''" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
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
complete -c llm-run -n "_llm_run_is ''" -l on-conflict -x -a 'error skip replace' -d 'Choose what becomes of a line whose id has an answer to another request in the output (its text, a setting or the model has changed); by default a run that begins with such a line does not start, and later ones close with an error'
complete -c llm-run -n "_llm_run_is ''" -l timeout -x -d 'Close a line with an error if its prompt and its answer take longer than SECONDS'
complete -c llm-run -n "_llm_run_is ''" -l max-errors -x -d 'Start no more lines after N have failed'
complete -c llm-run -n "_llm_run_is ''" -l progress-every -x -d 'Write a line on standard error every TIME (\'90\', \'90s\', \'5m\', \'1h\'; 0: never) that says how far the run is; by default every 60s where standard error is no terminal, and never with -q'
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
