complete -c llm-embed -s f -l file -d 'Read this file, \'-\' for standard input; several are read one after another' -r -F
complete -c llm-embed -l template -d 'Make each text from this one; {{field}} stands for a field of the line' -r
complete -c llm-embed -l keep -d 'Keep this field of the line under \'input\' of its record; may be given several times' -r
complete -c llm-embed -l on-overflow -d 'Choose what to do with a text that is longer than the model takes' -r -f -a "error\t'Fail'
truncate\t'Cut its end'"
complete -c llm-embed -s m -l model -d 'Use this model: a folder of safetensors, or a name or ORG/REPO of the store' -r
complete -c llm-embed -l prompt -d 'Put this before each text' -r
complete -c llm-embed -l pooling -d 'Make one vector of the tokens\' in this way instead of the model\'s own' -r -f -a "cls\t'The first'
mean\t'Their mean'
max\t'The largest of each number'
last\t'The last'"
complete -c llm-embed -l dimensions -d 'Keep the first N numbers of each vector and make it one long again' -r
complete -c llm-embed -l encoding -d 'Write vectors as numbers, or as base64 of 32-bit floats' -r -f -a "float\t'Numbers'
base64\t'32-bit floats, the lowest byte first'"
complete -c llm-embed -s o -l output -d 'Write to this file instead of standard output; one that is there is gone on with' -r -F
complete -c llm-embed -l resume -d 'Leave out lines that FILE holds the record of; for \'>> FILE\', where -o FILE does it by itself' -r -F
complete -c llm-embed -l max-errors -d 'Begin no more lines after N have failed' -r
complete -c llm-embed -s t -l threads -d 'Use N threads (-1, the default: one a core); vectors do not depend on it' -r
complete -c llm-embed -l jsonl -d 'Take each line as a JSON object with \'text\' and perhaps \'id\'; a blank line gets no record'
complete -c llm-embed -l query -d 'Put the model\'s own prompt for queries before each text'
complete -c llm-embed -l document -d 'Put the model\'s own prompt for documents before each text, where it has one'
complete -c llm-embed -l retry-errors -d 'Embed lines again whose record, in the file that is gone on with, is an error'
complete -c llm-embed -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-embed -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-embed -s V -l version -d 'Print version'
