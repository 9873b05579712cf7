complete -c llm-run -s p -l prompt -d 'Take this text as the input; standard input is not read' -r
complete -c llm-run -s f -l file -d 'Take this file as the input, \'-\' for standard input; several are read one after another' -r -F
complete -c llm-run -l chunk -d 'Cut the input into pieces of at most TOKENS tokens, each a prompt of its own: between paragraphs, else lines, sentences, words or characters' -r
complete -c llm-run -l template -d 'Make each prompt from this text; {{field}} stands for a field of the line' -r
complete -c llm-run -l keep -d 'Keep this field of the line under \'input\' of its record; may be given several times' -r
complete -c llm-run -l on-overflow -d 'Choose what to do where prompt and answer do not fit the context: fail, or cut this part out of the text. The answer\'s room is -n where that is set, else at most a quarter of the context' -r -f -a "error\t'Fail'
head\t'Cut the beginning of the text'
tail\t'Cut the end of the text'
middle\t'Cut the middle of the text'"
complete -c llm-run -l if-empty -d 'Choose what to do where the input is empty; --lines, --jsonl or --csv without a line is no error' -r -f -a "error\t'Say so and fail'
skip\t'Write nothing for it'
run\t'Run the instruction alone'"
complete -c llm-run -l max-line-bytes -d 'Refuse lines of more than N bytes' -r
complete -c llm-run -s m -l model -d 'Use this model: a name of `llm-pull ls`, ORG/REPO:QUANT, a .gguf file or a folder of safetensors [default: smollm2]' -r
complete -c llm-run -s c -l ctx-size -d 'Use a context of N tokens (0: what the request needs, up to the model\'s limit)' -r
complete -c llm-run -l quantize -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory' -r -f -a "q8_0\t'8.5 bits a weight'
q4_k\t'4.5 bits a weight, 8.5 for the output and where rows do not fit'"
complete -c llm-run -l system -d 'Tell the model this before the conversation' -r
complete -c llm-run -l chat-template -d 'Use the chat template (Jinja) of this file instead of the model\'s own' -r -F
complete -c llm-run -l think -d 'Let the model think before it answers, or not, where its chat template has a switch for it' -r -f -a "on\t'It does'
off\t'It does not'"
complete -c llm-run -s n -l n-predict -d 'Generate at most N tokens (-1: to the end of the context)' -r
complete -c llm-run -s s -l seed -d 'Start the random stream from this number (default: 0; -1: draw one, which the record names)' -r
complete -c llm-run -l temp -d 'Set the temperature (0: always take the best token)' -r
complete -c llm-run -l top-k -d 'Keep the K best tokens (0: all)' -r
complete -c llm-run -l top-p -d 'Keep the best tokens that together have probability P' -r
complete -c llm-run -l min-p -d 'Keep tokens of at least P times the best one\'s probability' -r
complete -c llm-run -l repeat-penalty -d 'Divide the logits of tokens seen lately by X (1: do not)' -r
complete -c llm-run -l repeat-last-n -d 'Count the last N tokens as seen lately (-1: the whole context)' -r
complete -c llm-run -l stop -d 'End the answer before this text; may be given several times' -r
complete -c llm-run -l choices -d 'Answer with the likeliest of these labels, commas between, and generate nothing. Spaces around a label do not count, unless the first begins with one; then a space before each is part of it' -r
complete -c llm-run -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-run -s o -l output -d 'Write to this file instead of standard output (\'-\')' -r -F
complete -c llm-run -l reasoning -d 'Choose where the model\'s reasoning goes; text output never holds it' -r -f -a "include\t'Into the records, beside the answer'
stderr\t'To standard error, as it comes'
drop\t'Nowhere'"
complete -c llm-run -l parallel -d 'Answer up to N lines together; an answer does not depend on it. Left out, it is eight a thread, as far as the memory goes' -r
complete -c llm-run -l resume -d 'Leave out lines that FILE holds the record of; for \'>> FILE\', where -o FILE does it by itself' -r -F
complete -c llm-run -l timeout -d 'Close a line with an error when its prompt and its answer take longer than SECONDS' -r
complete -c llm-run -l max-errors -d 'Begin no more lines after N have failed' -r
complete -c llm-run -l prefix-cache -d 'Keep what the prompts have in common (instruction, system text) in the folder DIR, computed, for the next run with the same model; an answer does not depend on it' -r -F
complete -c llm-run -l replay -d 'Run the requests of FILE again, each with its record\'s own settings, and tell what differs; rows are read as --jsonl reads them unless FILE was made with --record-request' -r -F
complete -c llm-run -l watts -d 'Say what the machine draws under load, in watts, for the energy of --estimate' -r
complete -c llm-run -l cloud -d 'Hold this cloud model against it, a name of \'llm-cost catalogue prices\'; several where that makes sense' -r
complete -c llm-run -l device -d 'Compute on this device' -r -f -a "auto\t'A GPU where one is compiled in, is there and holds the model; else the CPU'
cpu\t'The kernels of this toolkit'
cuda\t'An NVIDIA GPU'
metal\t'An Apple GPU'
candle\t'The reference pass on the CPU: slow and exact, for comparing'"
complete -c llm-run -s t -l threads -d 'Use N threads (-1, the default: one a core); the answer does not depend on it' -r
complete -c llm-run -l lines -d 'Take each line of the input as a prompt of its own; a blank line gets no record'
complete -c llm-run -l jsonl -d 'Take each line as a JSON object with \'prompt\' or \'messages\', as a record of this toolkit, or as a request of an OpenAI batch file, which is answered in that format; a blank line gets no record'
complete -c llm-run -l csv -d 'Take the input as CSV with a header line: each row is a prompt of its own, from the column \'prompt\' or \'text\' or made with --template, and the column \'id\' names it'
complete -c llm-run -l slurp -d 'Make one request of all lines: their texts in order, a blank line between two; without --jsonl, --lines or --csv the input is one request anyway'
complete -c llm-run -l no-template -d 'Give the model the text as it is, without a chat template'
complete -c llm-run -l parse-special -d 'Take control tokens that are written out in prompts as such, not as text'
complete -c llm-run -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-run -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-run -l stream -d 'Write pieces of the answer as they come: \'delta\' records, or text'
complete -c llm-run -l count -d 'Write how many tokens each prompt has, without running it'
complete -c llm-run -l show-prompt -d 'Write each prompt as the model would get it, and its tokens, without running it'
complete -c llm-run -s 0 -l null -d 'End each text with NUL instead of a line end'
complete -c llm-run -l unordered -d 'Write each record as soon as its line is answered, not in the order of the input'
complete -c llm-run -l retry-errors -d 'Answer lines again whose record, in the file that is gone on with, is an error'
complete -c llm-run -l repair -d 'Move lines that a crash has torn out of the file of -o into FILE.torn, and go on'
complete -c llm-run -l record-request -d 'Keep the whole request in its record under \'request\', enough to run it again'
complete -c llm-run -l estimate -d 'Write what the run would take (tokens, memory, hours, energy, a cloud\'s price), without running it; with --resume FILE, what the lines that are still open would'
complete -c llm-run -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-run -l force -d 'Go on where a check of memory, space or existing files says no'
complete -c llm-run -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-run -s V -l version -d 'Print version'
