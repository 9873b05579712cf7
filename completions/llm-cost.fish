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

complete -c llm-cost -n "__fish_llm_cost_needs_command" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_needs_command" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -s V -l version -d 'Print version'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "payback" -d 'Say when a machine pays back against the cloud, or that it never does'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "floor" -d 'Say what memory a model needs, which machines hold it, and how fast it would be'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "usage" -d 'Add up the usage records on standard input'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "compare" -d 'Set volumes, clouds, machines and models beside each other, each with all others'
complete -c llm-cost -n "__fish_llm_cost_needs_command" -f -a "catalogue" -d 'List the rows that the program computes with'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l profile -d 'Take the tokens of a kind of user: light, medium, heavy, agent; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l input-mtok -d 'Read N million input tokens a month, cached ones included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l output-mtok -d 'Write N million output tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l usage -d 'Take the tokens of this file\'s records instead of standard input\'s, \'-\' for standard input' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l days -d 'Say that the records stand for N days (default: from the first to the last)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cache-hit -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cache-write -d 'Share of the input that is written to the cloud\'s cache' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l batch -d 'Share of the work that the cloud may do by batch' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l team -d 'So many users share the machine; the volume is that of one' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cloud -d 'Hold this cloud model against it, a name of \'llm-cost catalogue prices\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prompt-tokens -d 'Prompts have N tokens, where the cloud asks more for long ones' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l cloud-fall -d 'The cloud\'s prices fall by this share each month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l escalated -d 'This share goes to the cloud all the same, after it was tried here' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l local -d 'Run this model, NAME or NAME:QUANT of \'llm-cost catalogue models\'; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machine -d 'Run it on this machine, a name of \'llm-cost catalogue machines\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machine-price -d 'The machine costs so many US dollars, all included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l load-watts -d 'It takes N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l idle-watts -d 'It takes N watts when idle' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l idle-share -d 'This share of the idle power counts here' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l on-hours -d 'It is on for N hours a month (default: only while it works)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l region -d 'Power has the price of this region, of \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l usd-per-kwh -d 'Power costs so many US dollars a kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l decode-tps -d 'It generates N tokens a second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prefill-tps -d 'It reads N prompt tokens a second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l bench -d 'Take the speeds of this file\'s \'bench\' records' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l context -d 'Reckon with N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l local-cache-hit -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l batching -d 'Batching makes it N times as fast as one request at a time' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l available-hours -d 'It can work for N hours a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l duty-cap -d 'It may be busy for this share of them (default: 0.9, 0.5 for a team)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l alternative-price -d 'A machine of this price would be bought anyway' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l setup-hours -d 'Setting it up takes N hours' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l setup-rate -d 'Such an hour costs so many US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l upkeep -d 'Upkeep costs so many US dollars a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l discount-rate -d 'Money earns this share a year elsewhere' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l lifetime-months -d 'The machine is kept for N months' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l resale-share -d 'And sold for this share of its price, or of what it costs more than --alternative-price (default: 0.38 for 36 months, by what dealers pay)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l plot -d 'Draw the answer to this SVG file: costs over the months, or speed against memory' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l explain -d 'Write the formulas with the numbers in them instead'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand payback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l machine -d 'Run it on this machine, a name of \'llm-cost catalogue machines\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l budget -d 'Show only machines up to this price in US dollars, the fastest first' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l context -d 'Reckon with N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l cache-type -d 'Keep the context in numbers of this type' -r -f -a "f16\t'16-bit floats'
q8_0\t'8.5 bits'
q5_1\t'6 bits'
q4_0\t'4.5 bits'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l plot -d 'Draw the answer to this SVG file: costs over the months, or speed against memory' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l this-machine -d 'Use the memory and the measured limits of this machine'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l explain -d 'Write the formulas with the numbers in them instead'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -l overwrite -d 'Replace the file that is written to, whatever it holds'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand floor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l by -d 'Add up by this' -r -f -a "day\t'Days, in UTC'
model\t'Models'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l cloud -d 'Hold this cloud model against it, a name of \'llm-cost catalogue prices\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l machine -d 'Run it on this machine, a name of \'llm-cost catalogue machines\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l load-watts -d 'It takes N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l region -d 'Power has the price of this region, of \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l usd-per-kwh -d 'Power costs so many US dollars a kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -l explain -d 'Write the formulas with the numbers in them instead'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand usage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l profile -d 'Take the tokens of a kind of user: light, medium, heavy, agent; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l input-mtok -d 'Read N million input tokens a month, cached ones included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l output-mtok -d 'Write N million output tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l usage -d 'Take the tokens of this file\'s records instead of standard input\'s, \'-\' for standard input' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l days -d 'Say that the records stand for N days (default: from the first to the last)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cache-hit -d 'Share of the input that the cloud reads from its cache (0.9 or 90%)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cache-write -d 'Share of the input that is written to the cloud\'s cache' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l batch -d 'Share of the work that the cloud may do by batch' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l team -d 'So many users share the machine; the volume is that of one' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cloud -d 'Hold this cloud model against it, a name of \'llm-cost catalogue prices\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prompt-tokens -d 'Prompts have N tokens, where the cloud asks more for long ones' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l cloud-fall -d 'The cloud\'s prices fall by this share each month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l escalated -d 'This share goes to the cloud all the same, after it was tried here' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l local -d 'Run this model, NAME or NAME:QUANT of \'llm-cost catalogue models\'; \'compare\' takes several' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machine -d 'Run it on this machine, a name of \'llm-cost catalogue machines\'; several where that makes sense' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machine-price -d 'The machine costs so many US dollars, all included' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l load-watts -d 'It takes N watts at work' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l idle-watts -d 'It takes N watts when idle' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l idle-share -d 'This share of the idle power counts here' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l on-hours -d 'It is on for N hours a month (default: only while it works)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l region -d 'Power has the price of this region, of \'llm-cost catalogue electricity\'' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l usd-per-kwh -d 'Power costs so many US dollars a kWh' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l decode-tps -d 'It generates N tokens a second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prefill-tps -d 'It reads N prompt tokens a second' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l bench -d 'Take the speeds of this file\'s \'bench\' records' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l context -d 'Reckon with N tokens in the context' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l local-cache-hit -d 'Share of the input that the machine\'s own prefix cache holds (default: that of --cache-hit)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l batching -d 'Batching makes it N times as fast as one request at a time' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l available-hours -d 'It can work for N hours a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l duty-cap -d 'It may be busy for this share of them (default: 0.9, 0.5 for a team)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l alternative-price -d 'A machine of this price would be bought anyway' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l setup-hours -d 'Setting it up takes N hours' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l setup-rate -d 'Such an hour costs so many US dollars' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l upkeep -d 'Upkeep costs so many US dollars a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l discount-rate -d 'Money earns this share a year elsewhere' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l lifetime-months -d 'The machine is kept for N months' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l resale-share -d 'And sold for this share of its price, or of what it costs more than --alternative-price (default: 0.38 for 36 months, by what dealers pay)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l mtok -d 'Scale the volume to N million tokens a month' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -l explain -d 'Write the formulas with the numbers in them instead'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l prices -d 'Take prices of this file too: what \'catalogue prices\' writes, a list of its rows, `LiteLLM`\'s or models.dev\'s' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l machines -d 'Take machines of this file too: what \'catalogue machines\' writes, or a list of its rows' -r -F
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l on -d 'Take prices as they are on this day, and judge the age of rows by it (default: today)' -r
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -l format -d 'Write records or text' -r -f -a "auto\t'Text for one request on a terminal, else JSON lines'
jsonl\t'One JSON record a line'
text\t'The answers, numbers or names alone'"
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s T -l text -d 'Write text: the answer and one line end, nothing else; short for --format text'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s q -l quiet -d 'Show no progress and no notes; warnings and errors stay'
complete -c llm-cost -n "__fish_llm_cost_using_subcommand catalogue" -s h -l help -d 'Print help (see more with \'--help\')'
