# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_llm_embed_global_optspecs
    string join \n files0-from= chunk= overlap= f/file= jsonl template= keep= keep-text on-overflow= max-line-bytes= m/model= query document prompt= pooling= dimensions= quantize= encoding= format= o/output= overwrite resume= skip-seen= retry-errors repair max-errors= q/quiet t/threads= h/help V/version
end

function __fish_llm_embed_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_llm_embed_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_llm_embed_using_subcommand
    set -l cmd (__fish_llm_embed_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c llm-embed -n "__fish_llm_embed_needs_command" -l files0-from -d 'Embed the files that are named in FILE (\'-\': standard input), each name ended by NUL' -r -F
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l chunk -d 'Split each file, or the whole input, into chunks of at most TOKENS tokens, special tokens included: between paragraphs, else lines, sentences, words or characters' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l overlap -d 'Start each chunk with up to TOKENS tokens of the previous one, at most half of --chunk' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s f -l file -d 'Read the lines of this file (\'-\': standard input); several are read one after another' -r -F
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l template -d 'Make each text from this one; {{field}} stands for a field of the line' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l keep -d 'Keep this field of the line under \'input\' in its record; may be given several times' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l on-overflow -d 'Choose what to do with a text that is too long for the model' -r -f -a "error\t'Fail'
truncate\t'Cut its end'
chunk-mean\t'Split it into windows and average their vectors, each weighted by its tokens'"
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l max-line-bytes -d 'Reject lines longer than N bytes' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s m -l model -d 'Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l prompt -d 'Put this before each text' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l pooling -d 'Pool the vectors of the tokens in this way instead of the model\'s own' -r -f -a "cls\t'That of the first token'
mean\t'Their mean'
max\t'Their maximum in each dimension'
last\t'That of the last token'
splade\t'A weight for each token of the vocabulary, by a masked language model\'s head: sparse vectors'"
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l dimensions -d 'Keep the first N dimensions of each vector and normalize it to unit length again' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l quantize -d 'Quantize the weights of a safetensors folder as they are loaded: faster, and vectors differ slightly' -r -f -a "q8_0\t'8.5 bits per weight, but floats where the inputs are largest'"
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l encoding -d 'Write vectors in this encoding' -r -f -a "float\t'JSON numbers'
base64\t'Little-endian 32-bit floats, in base64'
f16\t'Little-endian 16-bit floats, in base64'
int8\t'Signed bytes in base64, to be multiplied by the record\'s \'scale\''
binary\t'One bit per dimension, 1 above zero, the most significant bit first, in base64'"
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l format -d 'Write records with their vectors, or all vectors as one matrix to -o FILE and the records without vectors to FILE.jsonl' -r -f -a "jsonl\t'In their records, one per line'
npy\t'In a matrix as numpy.save writes it'
safetensors\t'In a tensor named \'embeddings\' of a safetensors file'"
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s o -l output -d 'Write to this file instead of standard output (\'-\'); existing records are continued, a matrix is replaced once the new one is complete' -r -F
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l resume -d 'Skip lines whose record is already in FILE; for use with \'>> FILE\', since -o FILE does it by itself' -r -F
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l skip-seen -d 'Skip texts whose vector, made by the same model in the same way, is already in FILE, whatever their id' -r -F
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l max-errors -d 'Start no more lines after N have failed' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s t -l threads -d 'Use N threads (-1, the default: one per core); vectors do not depend on it' -r
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l jsonl -d 'Treat each line as a JSON object with \'text\' and optionally \'id\', as a record of this toolkit, or as a request for /v1/embeddings of an OpenAI batch file, which is answered in that format'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l keep-text -d 'Keep each text in its record'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l query -d 'Put the model\'s own query prompt before each text'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l document -d 'Put the model\'s own document prompt before each text, if it has one'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l retry-errors -d 'Embed again the lines whose record in the file to be continued is an error'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -l repair -d 'Move lines torn by a crash from the -o file to FILE.torn, and continue'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -s V -l version -d 'Print version'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -a "search" -d 'Find the texts that are nearest to a query, by the vectors in a file'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -a "similar" -d 'Find pairs of texts whose vectors are close to each other'
complete -c llm-embed -n "__fish_llm_embed_needs_command" -a "rerank" -d 'Sort texts by how well they match a query'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -l on-overflow -d 'Choose what to do with a query that is too long for the model' -r -f -a "error\t'Fail'
truncate\t'Cut its end'
chunk-mean\t'Split it into windows and average their vectors, each weighted by its tokens'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s k -l hits -d 'Write the N best texts for each query' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s m -l model -d 'Use this model, which must be the one that made the vectors, if it has moved since' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -l pooling -d 'Check that the vectors were pooled in this way' -r -f -a "cls\t'That of the first token'
mean\t'Their mean'
max\t'Their maximum in each dimension'
last\t'That of the last token'
splade\t'A weight for each token of the vocabulary, by a masked language model\'s head: sparse vectors'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -l prompt -d 'Put this before each query instead of the model\'s own query prompt' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s t -l threads -d 'Use N threads (-1, the default: one per core); scores do not depend on it' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -l jsonl -d 'Treat each line of standard input as a JSON object with \'text\' and optionally \'id\''
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -l threshold -d 'Write pairs whose cosine similarity is at least N' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -s t -l threads -d 'Use N threads (-1, the default: one per core); scores do not depend on it' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand similar" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -l template -d 'Make each text from this one; {{field}} stands for a field of the line' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -l on-overflow -d 'Choose what to do with a text that is too long for the model' -r -f -a "error\t'Fail'
truncate\t'Cut its end'
chunk-mean\t'Split it into windows and average their vectors, each weighted by its tokens'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s k -l hits -d 'Write only the N best texts' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s m -l model -d 'Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s t -l threads -d 'Use N threads (-1, the default: one per core); scores do not depend on it' -r
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -l jsonl -d 'Treat each line as a JSON object with \'text\' and optionally \'id\', or as a record of llm-embed search'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-embed -n "__fish_llm_embed_using_subcommand rerank" -s h -l help -d 'Print help (see more with \'--help\')'
