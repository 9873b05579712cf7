complete -c llm-bench -s m -l model -d 'Measure these models: names of `llm-pull ls`, ORG/REPO:QUANT, .gguf files or folders' -r
complete -c llm-bench -l shape -d 'Measure random weights of these shapes, NAME:QUANT as in llama-3.2-1b:q4_k_m' -r
complete -c llm-bench -l layers -d 'Time N layers of the shapes, and half of them, and scale the times to the whole model' -r
complete -c llm-bench -l write -d 'Write the shape to this GGUF file instead of measuring it' -r -F
complete -c llm-bench -l quantize -d 'Quantize the weights of a safetensors folder as they are loaded, to save memory' -r -f -a "q8_0\t'8.5 bits per weight'
q4_k\t'4.5 bits per weight, 8.5 for the output matrix and where rows do not fit'"
complete -c llm-bench -l lora -d 'Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1); may be repeated, and a JSON line may choose others by NAME in its field \'lora\'' -r
complete -c llm-bench -s p -l n-prompt -d 'Process prompts of N tokens (0: none)' -r
complete -c llm-bench -s n -l n-gen -d 'Generate N tokens (0: none)' -r
complete -c llm-bench -l pg -d 'Process a prompt of P tokens and generate G after it, timed as one; may be given several times' -r
complete -c llm-bench -s d -l n-depth -d 'Start with N tokens in the cache' -r
complete -c llm-bench -l parallel -d 'Run N sequences together: N prompts, and N tokens a step' -r
complete -c llm-bench -s t -l threads -d 'Use N threads (-1, the default: one a core)' -r
complete -c llm-bench -s r -l repetitions -d 'Time each test N times' -r
complete -c llm-bench -l logits -d 'Which logits to compute for a generated token' -r -f -a "best\t'Those that picking the best token needs, as llm-run does at temperature 0'
all\t'Those of the whole vocabulary, as llama-bench does'"
complete -c llm-bench -l perplexity -d 'Measure the perplexity of this text instead, as llama-perplexity does' -r -F
complete -c llm-bench -s c -l ctx-size -d 'Cut the text into windows of N tokens' -r
complete -c llm-bench -l format -d 'Write records or a table' -r -f -a "auto\t'A table on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
md\t'A table in Markdown, as llama-bench writes it'"
complete -c llm-bench -s o -l output -d 'Write to this file instead of standard output (\'-\')' -r -F
complete -c llm-bench -l no-warmup -d 'Do not run each test once before it is timed'
complete -c llm-bench -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-bench -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-bench -l force -d 'Continue even if a check of memory, disk space or existing files fails'
complete -c llm-bench -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-bench -s V -l version -d 'Print version'
