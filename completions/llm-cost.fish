# Completions of llm-cost for fish, made from its parser by tests/generated/completions.rs.

set -g _llm_cost_calls payback floor usage compare catalogue
set -g _llm_cost_valued --prices --machines --on --format payback--profile payback--input-mtok payback--output-mtok payback--usage payback--days payback--cache-hit payback--cache-write payback--cache-write-1h payback--batch payback--team payback--cloud payback--prompt-tokens payback--cloud-fall payback--escalated payback--local payback--machine payback--machine-price payback--load-watts payback--idle-watts payback--idle-share payback--on-hours payback--region payback--usd-per-kwh payback--decode-tps payback--prefill-tps payback--bench payback--context payback--local-cache-hit payback--batching payback--available-hours payback--duty-cap payback--alternative-price payback--setup-hours payback--setup-rate payback--upkeep payback--discount-rate payback--lifetime-months payback--resale-share payback--plot payback--prices payback--machines payback--on payback--format floor--machine floor--budget floor--context floor--cache-type floor--plot floor--prices floor--machines floor--on floor--format usage--by usage--cloud usage--machine usage--load-watts usage--region usage--usd-per-kwh usage--prices usage--machines usage--on usage--format compare--profile compare--input-mtok compare--output-mtok compare--usage compare--days compare--cache-hit compare--cache-write compare--cache-write-1h compare--batch compare--team compare--cloud compare--prompt-tokens compare--cloud-fall compare--escalated compare--local compare--machine compare--machine-price compare--load-watts compare--idle-watts compare--idle-share compare--on-hours compare--region compare--usd-per-kwh compare--decode-tps compare--prefill-tps compare--bench compare--context compare--local-cache-hit compare--batching compare--available-hours compare--duty-cap compare--alternative-price compare--setup-hours compare--setup-rate compare--upkeep compare--discount-rate compare--lifetime-months compare--resale-share compare--mtok compare--prices compare--machines compare--on compare--format catalogue--prices catalogue--machines catalogue--on catalogue--format

# Whether the line's command is the given one, '' for none, and no flag waits for its value; with a number,
# whether so many arguments stand before.
function _llm_cost_is
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
            contains -- "$call$word" $_llm_cost_valued; and set takes $word
        else if test -z "$call" -a $place = 0; and contains -- $word $_llm_cost_calls
            set call $word
        else
            set place (math $place + 1)
        end
    end
    test "$call" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place = $argv[2]
end

# The names on standard input, behind what stands before the last comma.
function __llm_cost_list
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    while read -l name
        echo $before$name
    end
end

complete -c llm-cost -n "_llm_cost_is '' 0" -f -a payback -d 'Say when a machine pays back against the cloud, or that it never does'
complete -c llm-cost -n "_llm_cost_is '' 0" -f -a floor -d 'Say what memory a model needs, which machines hold it, and how fast it would be'
complete -c llm-cost -n "_llm_cost_is '' 0" -f -a usage -d 'Add up the usage that records, providers\' answers and exports, or CSV hold'
complete -c llm-cost -n "_llm_cost_is '' 0" -f -a compare -d 'Compare every combination of volumes, cloud models, machines and local models'
complete -c llm-cost -n "_llm_cost_is '' 0" -f -a catalogue -d 'List the data that answers are computed from'
complete -c llm-cost -n "_llm_cost_is ''" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is ''" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is ''" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is ''" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is ''" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is ''" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is ''" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is ''" -l version -s V -d 'Print version'
complete -c llm-cost -n "_llm_cost_is ''" -f
complete -c llm-cost -n "_llm_cost_is 'payback'" -l profile -x -a '(llm-cost catalogue profiles --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Take the volume of a typical user: light, medium, heavy or agent (\'llm-cost catalogue profiles\' says where each comes from); \'compare\' takes several'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l input-mtok -x -d 'Read N million input tokens a month, cached ones included'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l output-mtok -x -d 'Generate N million output tokens a month'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l usage -r -F -d 'Take the volume from the records in this file instead of standard input (\'-\')'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l days -x -d 'Treat the records as N days of usage (default: from the first to the last)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l cache-hit -x -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l cache-write -x -d 'Share of the input that is written to the cloud\'s cache'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l cache-write-1h -x -d 'Part of that share which is written for an hour, and not for some minutes'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l batch -x -d 'Share of the work that can go through the cloud\'s batch API'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l team -x -d 'Let N users share the machine; the volume is that of one of them'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l cloud -x -a '(llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l prompt-tokens -x -d 'Assume prompts of N tokens, where the cloud charges more for long ones'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l cloud-fall -x -d 'Let the cloud\'s prices fall by this share each month'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l escalated -x -d 'Share of the work that goes to the cloud after all, once the local model has tried it'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l local -x -a '(llm-cost catalogue models --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run this model, NAME or NAME:QUANT from \'llm-cost catalogue models\'; \'compare\' takes several'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l machine -x -a '(llm-cost catalogue machines --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l machine-price -x -d 'Price of the machine in US dollars, all included'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l load-watts -x -d 'Assume that the machine draws N watts at work'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l idle-watts -x -d 'Assume that it draws N watts when idle'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l idle-share -x -d 'Share of the idle power to charge to the model'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l on-hours -x -d 'Keep it on for N hours a month (default: only while it works)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l region -x -a '(llm-cost catalogue electricity --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\''
complete -c llm-cost -n "_llm_cost_is 'payback'" -l usd-per-kwh -x -d 'Set the electricity price, in US dollars per kWh'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l decode-tps -x -d 'Assume that it generates N tokens per second'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l prefill-tps -x -d 'Assume that it reads N prompt tokens per second'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l bench -r -F -d 'Take the speeds from the \'bench\' or \'completion\' records in this file (\'-\' for standard input)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l context -x -d 'Assume N tokens in the context'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l local-cache-hit -x -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l batching -x -d 'Assume that batching makes it N times as fast as one request at a time'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l available-hours -x -d 'Let it work for up to N hours a month'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l duty-cap -x -d 'Let it be busy for up to this share of those hours (default: 0.9, or 0.5 for a team)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l alternative-price -x -d 'Price of the machine that you would buy anyway, in US dollars'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l setup-hours -x -d 'Hours that it takes to set the machine up'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l setup-rate -x -d 'Cost of an hour of setup, in US dollars'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l upkeep -x -d 'Cost of upkeep, in US dollars per month'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l discount-rate -x -d 'Yearly return of money that is not spent, as a share'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l lifetime-months -x -d 'Keep the machine for N months'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l resale-share -x -d 'Sell it then for this share of its price, or of what it costs above --alternative-price (default: 0.38 after 36 months, from what dealers pay)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l plot -r -F -d 'Draw the answer into this SVG file: costs over the months, or speed against memory'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is 'payback'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is 'payback'" -f
complete -c llm-cost -n "_llm_cost_is 'floor'" -l machine -x -a '(llm-cost catalogue machines --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l this-machine -d 'Use the memory and the measured limits of this machine'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l budget -x -d 'Show only machines up to this price in US dollars, the fastest first'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l context -x -d 'Assume N tokens in the context'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l cache-type -x -a 'f16 q8_0 q5_1 q4_0' -d 'Keep the KV cache in numbers of this type'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l plot -r -F -d 'Draw the answer into this SVG file: costs over the months, or speed against memory'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is 'floor'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is 'floor'" -f -a '(llm-cost catalogue models --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l by -x -a 'day model' -d 'Group the sums'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l cloud -x -a '(llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l machine -x -a '(llm-cost catalogue machines --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l load-watts -x -d 'Assume that the machine draws N watts at work'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l region -x -a '(llm-cost catalogue electricity --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\''
complete -c llm-cost -n "_llm_cost_is 'usage'" -l usd-per-kwh -x -d 'Set the electricity price, in US dollars per kWh'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is 'usage'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l profile -x -a '(llm-cost catalogue profiles --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Take the volume of a typical user: light, medium, heavy or agent (\'llm-cost catalogue profiles\' says where each comes from); \'compare\' takes several'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l input-mtok -x -d 'Read N million input tokens a month, cached ones included'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l output-mtok -x -d 'Generate N million output tokens a month'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l usage -r -F -d 'Take the volume from the records in this file instead of standard input (\'-\')'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l days -x -d 'Treat the records as N days of usage (default: from the first to the last)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l cache-hit -x -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l cache-write -x -d 'Share of the input that is written to the cloud\'s cache'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l cache-write-1h -x -d 'Part of that share which is written for an hour, and not for some minutes'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l batch -x -d 'Share of the work that can go through the cloud\'s batch API'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l team -x -d 'Let N users share the machine; the volume is that of one of them'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l cloud -x -a '(llm-cost catalogue prices --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l prompt-tokens -x -d 'Assume prompts of N tokens, where the cloud charges more for long ones'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l cloud-fall -x -d 'Let the cloud\'s prices fall by this share each month'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l escalated -x -d 'Share of the work that goes to the cloud after all, once the local model has tried it'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l local -x -a '(llm-cost catalogue models --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run this model, NAME or NAME:QUANT from \'llm-cost catalogue models\'; \'compare\' takes several'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l machine -x -a '(llm-cost catalogue machines --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l machine-price -x -d 'Price of the machine in US dollars, all included'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l load-watts -x -d 'Assume that the machine draws N watts at work'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l idle-watts -x -d 'Assume that it draws N watts when idle'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l idle-share -x -d 'Share of the idle power to charge to the model'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l on-hours -x -d 'Keep it on for N hours a month (default: only while it works)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l region -x -a '(llm-cost catalogue electricity --format jsonl 2>/dev/null </dev/null | sed -n \'s/.*"row":{"[a-z_]*":"\\([^"]*\\)".*/\\1/p\' | __llm_cost_list)' -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\''
complete -c llm-cost -n "_llm_cost_is 'compare'" -l usd-per-kwh -x -d 'Set the electricity price, in US dollars per kWh'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l decode-tps -x -d 'Assume that it generates N tokens per second'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l prefill-tps -x -d 'Assume that it reads N prompt tokens per second'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l bench -r -F -d 'Take the speeds from the \'bench\' or \'completion\' records in this file (\'-\' for standard input)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l context -x -d 'Assume N tokens in the context'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l local-cache-hit -x -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l batching -x -d 'Assume that batching makes it N times as fast as one request at a time'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l available-hours -x -d 'Let it work for up to N hours a month'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l duty-cap -x -d 'Let it be busy for up to this share of those hours (default: 0.9, or 0.5 for a team)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l alternative-price -x -d 'Price of the machine that you would buy anyway, in US dollars'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l setup-hours -x -d 'Hours that it takes to set the machine up'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l setup-rate -x -d 'Cost of an hour of setup, in US dollars'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l upkeep -x -d 'Cost of upkeep, in US dollars per month'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l discount-rate -x -d 'Yearly return of money that is not spent, as a share'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l lifetime-months -x -d 'Keep the machine for N months'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l resale-share -x -d 'Sell it then for this share of its price, or of what it costs above --alternative-price (default: 0.38 after 36 months, from what dealers pay)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l mtok -x -d 'Scale the volume to N million tokens a month'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is 'compare'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is 'compare'" -f
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l prices -r -F -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l machines -r -F -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l on -x -d 'Use the prices of this day, and judge the age of rows by it (default: today)'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l format -x -a 'auto jsonl text' -d 'Write records or text'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l text -s T -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l quiet -s q -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -l help -s h -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "_llm_cost_is 'catalogue'" -f -a 'prices machines models quants electricity profiles predictor'
