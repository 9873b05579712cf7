# Completions of llm-embed for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_embed_calls search similar rerank
set -g _llm_embed_valued --files0-from --chunk --overlap --file -f --template --keep --on-overflow --max-line-bytes --model -m --prompt --pooling --dimensions --quantize --encoding --format --output -o --resume --skip-seen --on-conflict --progress-every --max-errors --threads -t search--on-overflow search--hits search-k search--model search-m search--pooling search--prompt search--format search--threads search-t similar--threshold similar--format similar--threads similar-t rerank--template rerank--on-overflow rerank--hits rerank-k rerank--model rerank-m rerank--format rerank--threads rerank-t

# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _llm_embed_is
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
            contains -- "$call$word" $_llm_embed_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_llm_embed_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __llm_embed_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end

complete -c llm-embed -n "_llm_embed_is '' 0" -f -a search -d 'Find the texts that are nearest to a query, by the vectors in a file'
complete -c llm-embed -n "_llm_embed_is '' 0" -f -a similar -d 'Find pairs of texts whose vectors are close to each other'
complete -c llm-embed -n "_llm_embed_is '' 0" -f -a rerank -d 'Sort texts by how well they match a query'
complete -c llm-embed -n "_llm_embed_is ''" -l files0-from -r -F -d 'Embed the files that are named in FILE (\'-\': standard input), each name ended by NUL'
complete -c llm-embed -n "_llm_embed_is ''" -l chunk -x -d 'Split each file, or the whole input, into chunks of at most TOKENS tokens, special tokens included: between paragraphs, else lines, sentences, words or characters'
complete -c llm-embed -n "_llm_embed_is ''" -l overlap -x -d 'Start each chunk with up to TOKENS tokens of the previous one, at most half of --chunk'
complete -c llm-embed -n "_llm_embed_is ''" -l file -s f -r -F -d 'Read the lines of this file (\'-\': standard input); several are read one after another'
complete -c llm-embed -n "_llm_embed_is ''" -l jsonl -d 'Treat each line as a JSON object with \'text\' and optionally \'id\', as a record of this toolkit, or as a request for /v1/embeddings of an OpenAI batch file, which is answered in that format'
complete -c llm-embed -n "_llm_embed_is ''" -l template -x -d 'Make each text from this one; {{field}} stands for a field of the line, \\n for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-embed -n "_llm_embed_is ''" -l keep -x -d 'Keep this field of the line under \'input\' in its record; may be given several times'
complete -c llm-embed -n "_llm_embed_is ''" -l keep-text -d 'Keep each text in its record'
complete -c llm-embed -n "_llm_embed_is ''" -l on-overflow -x -a 'error truncate chunk-mean' -d 'Choose what to do with a text that is too long for the model'
complete -c llm-embed -n "_llm_embed_is ''" -l max-line-bytes -x -d 'Reject lines longer than N bytes'
complete -c llm-embed -n "_llm_embed_is ''" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store [default: minilm]'
complete -c llm-embed -n "_llm_embed_is ''" -l query -d 'Put the model\'s own query prompt before each text'
complete -c llm-embed -n "_llm_embed_is ''" -l document -d 'Put the model\'s own document prompt before each text, if it has one'
complete -c llm-embed -n "_llm_embed_is ''" -l prompt -x -d 'Put this before each text; \\n stands for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-embed -n "_llm_embed_is ''" -l pooling -x -a 'cls mean max last splade' -d 'Pool the vectors of the tokens in this way instead of the model\'s own'
complete -c llm-embed -n "_llm_embed_is ''" -l dimensions -x -d 'Keep the first N dimensions of each vector and normalize it to unit length again'
complete -c llm-embed -n "_llm_embed_is ''" -l quantize -x -a 'q8_0' -d 'Quantize the weights of a safetensors folder as they are loaded: faster, and vectors differ slightly'
complete -c llm-embed -n "_llm_embed_is ''" -l encoding -x -a 'float base64 f16 int8 binary' -d 'Write vectors in this encoding'
complete -c llm-embed -n "_llm_embed_is ''" -l format -x -a 'jsonl npy safetensors' -d 'Write records with their vectors, or all vectors as one matrix to -o FILE and the records without vectors to FILE.jsonl'
complete -c llm-embed -n "_llm_embed_is ''" -l output -s o -r -F -d 'Write to this file instead of standard output (\'-\'); existing records are continued, a matrix is replaced once the new one is complete'
complete -c llm-embed -n "_llm_embed_is ''" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-embed -n "_llm_embed_is ''" -l resume -r -F -d 'Skip lines whose record is already in FILE; for use with \'>> FILE\', since -o FILE does it by itself'
complete -c llm-embed -n "_llm_embed_is ''" -l skip-seen -r -F -d 'Skip texts whose vector, made by the same model in the same way, is already in FILE, whatever their id'
complete -c llm-embed -n "_llm_embed_is ''" -l retry-errors -d 'Embed again the lines whose record in the file to be continued is an error'
complete -c llm-embed -n "_llm_embed_is ''" -l repair -d 'Move lines torn by a crash from the -o file to FILE.torn, and continue'
complete -c llm-embed -n "_llm_embed_is ''" -l on-conflict -x -a 'error skip replace' -d 'Choose what becomes of a line whose id has an answer to another request in the output (its text, a setting or the model has changed); by default a run that begins with such a line does not start, and later ones close with an error'
complete -c llm-embed -n "_llm_embed_is ''" -l progress-every -x -d 'Write a line on standard error every TIME (\'90\', \'90s\', \'5m\', \'1h\'; 0: never) that says how far the run is; by default every 60s where standard error is no terminal, and never with -q'
complete -c llm-embed -n "_llm_embed_is ''" -l prune -d 'Drop from the -o file the records of texts that their FILEs no longer have, and of files that are no longer there, once the run is complete'
complete -c llm-embed -n "_llm_embed_is ''" -l max-errors -x -d 'Start no more lines after N have failed'
complete -c llm-embed -n "_llm_embed_is ''" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "_llm_embed_is ''" -l threads -s t -x -d 'Use N threads (-1, the default: one per core); vectors do not depend on it'
complete -c llm-embed -n "_llm_embed_is ''" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "_llm_embed_is ''" -l version -s V -d 'Print version'
complete -c llm-embed -n "_llm_embed_is 'search'" -l jsonl -d 'Treat each line of standard input as a JSON object with \'text\' and optionally \'id\''
complete -c llm-embed -n "_llm_embed_is 'search'" -l on-overflow -x -a 'error truncate chunk-mean' -d 'Choose what to do with a query that is too long for the model'
complete -c llm-embed -n "_llm_embed_is 'search'" -l hits -s k -x -d 'Write the N best texts for each query'
complete -c llm-embed -n "_llm_embed_is 'search'" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Use this model, which must be the one that made the vectors, if it has moved since'
complete -c llm-embed -n "_llm_embed_is 'search'" -l pooling -x -a 'cls mean max last splade' -d 'Check that the vectors were pooled in this way'
complete -c llm-embed -n "_llm_embed_is 'search'" -l prompt -x -d 'Put this before each query instead of the model\'s own query prompt; \\n stands for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-embed -n "_llm_embed_is 'search'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-embed -n "_llm_embed_is 'search'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "_llm_embed_is 'search'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "_llm_embed_is 'search'" -l threads -s t -x -d 'Use N threads (-1, the default: one per core); scores do not depend on it'
complete -c llm-embed -n "_llm_embed_is 'search'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l threshold -x -d 'Write pairs whose cosine similarity is at least N'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l threads -s t -x -d 'Use N threads (-1, the default: one per core); scores do not depend on it'
complete -c llm-embed -n "_llm_embed_is 'similar'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l jsonl -d 'Treat each line as a JSON object with \'text\' and optionally \'id\', or as a record of llm-embed search'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l template -x -d 'Make each text from this one; {{field}} stands for a field of the line, \\n for a newline, \\t for a tab, \\\\ for a backslash'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l on-overflow -x -a 'error truncate chunk-mean' -d 'Choose what to do with a text that is too long for the model'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l hits -s k -x -d 'Write only the N best texts'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store [default: minilm]'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l threads -s t -x -d 'Use N threads (-1, the default: one per core); scores do not depend on it'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "_llm_embed_is 'rerank'" -f
