# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_llm_cost_global_optspecs
    string join \n prices= machines= on= format= T/text q/quiet h/help V/version
end

function __fish_llm_cost_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_llm_cost_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_llm_cost_using_subcommand
    set -l cmd (__fish_llm_cost_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c llm-cost -n "__fish_llm_cost_needs_command" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s V -l version -d 'Print version'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "payback" -d 'Say when a machine pays back against the cloud, or that it never does'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "floor" -d 'Say what memory a model needs, which machines hold it, and how fast it would be'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "usage" -d 'Add up the usage that records, providers\' answers and exports, or CSV hold'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "compare" -d 'Compare every combination of volumes, cloud models, machines and local models'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "catalogue" -d 'List the data that answers are computed from'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l profile -d 'Take the volume of a typical user: light, medium, heavy or agent (\'llm-cost catalogue profiles\' says where each comes from); \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l input-mtok -d 'Read N million input tokens a month, cached ones included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l output-mtok -d 'Generate N million output tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l usage -d 'Take the volume from the records in this file instead of standard input (\'-\')' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l days -d 'Treat the records as N days of usage (default: from the first to the last)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cache-hit -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cache-write -d 'Share of the input that is written to the cloud\'s cache' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cache-write-1h -d 'Part of that share which is written for an hour, and not for some minutes' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l batch -d 'Share of the work that can go through the cloud\'s batch API' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l team -d 'Let N users share the machine; the volume is that of one of them' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cloud -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prompt-tokens -d 'Assume prompts of N tokens, where the cloud charges more for long ones' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cloud-fall -d 'Let the cloud\'s prices fall by this share each month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l escalated -d 'Share of the work that goes to the cloud after all, once the local model has tried it' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l local -d 'Run this model, NAME or NAME:QUANT from \'llm-cost catalogue models\'; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machine -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machine-price -d 'Price of the machine in US dollars, all included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l load-watts -d 'Assume that the machine draws N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l idle-watts -d 'Assume that it draws N watts when idle' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l idle-share -d 'Share of the idle power to charge to the model' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l on-hours -d 'Keep it on for N hours a month (default: only while it works)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l region -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l usd-per-kwh -d 'Set the electricity price, in US dollars per kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l decode-tps -d 'Assume that it generates N tokens per second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prefill-tps -d 'Assume that it reads N prompt tokens per second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l bench -d 'Take the speeds from the \'bench\' or \'completion\' records in this file (\'-\' for standard input)' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l context -d 'Assume N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l local-cache-hit -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l batching -d 'Assume that batching makes it N times as fast as one request at a time' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l available-hours -d 'Let it work for up to N hours a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l duty-cap -d 'Let it be busy for up to this share of those hours (default: 0.9, or 0.5 for a team)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l alternative-price -d 'Price of the machine that you would buy anyway, in US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l setup-hours -d 'Hours that it takes to set the machine up' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l setup-rate -d 'Cost of an hour of setup, in US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l upkeep -d 'Cost of upkeep, in US dollars per month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l discount-rate -d 'Yearly return of money that is not spent, as a share' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l lifetime-months -d 'Keep the machine for N months' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l resale-share -d 'Sell it then for this share of its price, or of what it costs above --alternative-price (default: 0.38 after 36 months, from what dealers pay)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l plot -d 'Draw the answer into this SVG file: costs over the months, or speed against memory' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l machine -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l budget -d 'Show only machines up to this price in US dollars, the fastest first' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l context -d 'Assume N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l cache-type -d 'Keep the KV cache in numbers of this type' -r -f -a "f16\t'16-bit floats'
q8_0\t'8.5 bits'
q5_1\t'6 bits'
q4_0\t'4.5 bits'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l plot -d 'Draw the answer into this SVG file: costs over the months, or speed against memory' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l this-machine -d 'Use the memory and the measured limits of this machine'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l by -d 'Group the sums' -r -f -a "day\t'Days, in UTC'
model\t'Models'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l cloud -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l machine -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l load-watts -d 'Assume that the machine draws N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l region -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l usd-per-kwh -d 'Set the electricity price, in US dollars per kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l profile -d 'Take the volume of a typical user: light, medium, heavy or agent (\'llm-cost catalogue profiles\' says where each comes from); \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l input-mtok -d 'Read N million input tokens a month, cached ones included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l output-mtok -d 'Generate N million output tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l usage -d 'Take the volume from the records in this file instead of standard input (\'-\')' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l days -d 'Treat the records as N days of usage (default: from the first to the last)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cache-hit -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cache-write -d 'Share of the input that is written to the cloud\'s cache' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cache-write-1h -d 'Part of that share which is written for an hour, and not for some minutes' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l batch -d 'Share of the work that can go through the cloud\'s batch API' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l team -d 'Let N users share the machine; the volume is that of one of them' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cloud -d 'Compare with this cloud model, a name from \'llm-cost catalogue prices\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prompt-tokens -d 'Assume prompts of N tokens, where the cloud charges more for long ones' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cloud-fall -d 'Let the cloud\'s prices fall by this share each month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l escalated -d 'Share of the work that goes to the cloud after all, once the local model has tried it' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l local -d 'Run this model, NAME or NAME:QUANT from \'llm-cost catalogue models\'; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machine -d 'Run it on this machine, a name from \'llm-cost catalogue machines\'; some commands take several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machine-price -d 'Price of the machine in US dollars, all included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l load-watts -d 'Assume that the machine draws N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l idle-watts -d 'Assume that it draws N watts when idle' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l idle-share -d 'Share of the idle power to charge to the model' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l on-hours -d 'Keep it on for N hours a month (default: only while it works)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l region -d 'Take the electricity price of this region, a name from \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l usd-per-kwh -d 'Set the electricity price, in US dollars per kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l decode-tps -d 'Assume that it generates N tokens per second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prefill-tps -d 'Assume that it reads N prompt tokens per second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l bench -d 'Take the speeds from the \'bench\' or \'completion\' records in this file (\'-\' for standard input)' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l context -d 'Assume N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l local-cache-hit -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l batching -d 'Assume that batching makes it N times as fast as one request at a time' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l available-hours -d 'Let it work for up to N hours a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l duty-cap -d 'Let it be busy for up to this share of those hours (default: 0.9, or 0.5 for a team)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l alternative-price -d 'Price of the machine that you would buy anyway, in US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l setup-hours -d 'Hours that it takes to set the machine up' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l setup-rate -d 'Cost of an hour of setup, in US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l upkeep -d 'Cost of upkeep, in US dollars per month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l discount-rate -d 'Yearly return of money that is not spent, as a share' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l lifetime-months -d 'Keep the machine for N months' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l resale-share -d 'Sell it then for this share of its price, or of what it costs above --alternative-price (default: 0.38 after 36 months, from what dealers pay)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l mtok -d 'Scale the volume to N million tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l explain -d 'Write the formulas instead, with their numbers filled in'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l prices -d 'Also use the prices in this file: what \'catalogue prices\' writes, a list of its rows, or the list of LiteLLM, models.dev, OpenRouter or llm-prices' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l machines -d 'Also use the machines in this file: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l on -d 'Use the prices of this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record per line'
text\t'Only the answers, numbers, names or tables'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s T -l text -d 'Write only answers, numbers, names or tables, each with a newline; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s q -l quiet -d 'Show neither progress nor notes; warnings and errors are still shown'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s h -l help -d 'Print help (see more with \'--help\')'
