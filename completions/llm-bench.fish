# Completions of llm-bench for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_bench_calls 
set -g _llm_bench_valued --model -m --shape --layers --write --quantize --lora --n-prompt -p --n-gen -n --pg --n-depth -d --parallel --threads -t --repetitions -r --logits --perplexity --ctx-size -c --format --output -o

# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _llm_bench_is
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
            contains -- "$call$word" $_llm_bench_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_llm_bench_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __llm_bench_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end

complete -c llm-bench -n "_llm_bench_is ''" -l model -s m -r -F -a '(llm-pull ls -T 2>/dev/null)' -d 'Measure these models: names of `llm-pull ls`, ORG/REPO:QUANT, .gguf files or folders [default: `LLM_MODEL` of the environment, else qwen2.5-coder-0.5b, unless there is a --shape]'
complete -c llm-bench -n "_llm_bench_is ''" -l shape -x -d 'Measure random weights of these shapes, NAME:QUANT as in llama-3.2-1b:q4_k_m'
complete -c llm-bench -n "_llm_bench_is ''" -l layers -x -d 'Time N layers of the shapes, and half of them, and scale the times to the whole model'
complete -c llm-bench -n "_llm_bench_is ''" -l write -r -F -d 'Write the shape to this GGUF file instead of measuring it'
complete -c llm-bench -n "_llm_bench_is ''" -l quantize -x -a 'q8_0 q4_k' -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory'
complete -c llm-bench -n "_llm_bench_is ''" -l lora -x -d 'Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1); may be repeated, and a JSON line may choose others by NAME in its field \'lora\''
complete -c llm-bench -n "_llm_bench_is ''" -l n-prompt -s p -x -d 'Process prompts of N tokens (0: none)'
complete -c llm-bench -n "_llm_bench_is ''" -l n-gen -s n -x -d 'Generate N tokens (0: none)'
complete -c llm-bench -n "_llm_bench_is ''" -l pg -x -d 'Process a prompt of P tokens and generate G after it, timed as one; may be given several times'
complete -c llm-bench -n "_llm_bench_is ''" -l n-depth -s d -x -d 'Start with N tokens in the cache'
complete -c llm-bench -n "_llm_bench_is ''" -l parallel -x -d 'Run N sequences together: N prompts, and N tokens a step'
complete -c llm-bench -n "_llm_bench_is ''" -l threads -s t -x -d 'Use N threads (-1, the default: one a core)'
complete -c llm-bench -n "_llm_bench_is ''" -l repetitions -s r -x -d 'Time each test N times'
complete -c llm-bench -n "_llm_bench_is ''" -l no-warmup -d 'Do not run each test once before it is timed'
complete -c llm-bench -n "_llm_bench_is ''" -l logits -x -a 'best all' -d 'Which logits to compute for a generated token'
complete -c llm-bench -n "_llm_bench_is ''" -l perplexity -r -F -d 'Measure the perplexity of this text instead, as llama-perplexity does'
complete -c llm-bench -n "_llm_bench_is ''" -l ctx-size -s c -x -d 'Cut the text into windows of N tokens [default: 512]'
complete -c llm-bench -n "_llm_bench_is ''" -l format -x -a 'auto jsonl md' -d 'Write records or a table'
complete -c llm-bench -n "_llm_bench_is ''" -l output -s o -r -F -d 'Write to this file instead of standard output (\'-\')'
complete -c llm-bench -n "_llm_bench_is ''" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-bench -n "_llm_bench_is ''" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-bench -n "_llm_bench_is ''" -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-bench -n "_llm_bench_is ''" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-bench -n "_llm_bench_is ''" -l version -s V -d 'Print version'
complete -c llm-bench -n "_llm_bench_is ''" -f
