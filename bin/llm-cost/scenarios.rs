//! `payback` answers for one scenario, `compare` for every one of its lists.

use std::path::Path;

use anyhow::{Result, bail};
use llm_cli::parser::cost::{CompareArgs, PaybackArgs, ScenarioArgs, VolumeArgs};
use llm_cli::{Context, Reads};
use llm_cost::record::{Body, PaybackRecord};
use llm_cost::render::{explain, plot, table};
use llm_cost::scenario::SpeedLogs;
use llm_cost::{LocalModel, MonthlyVolume, Mtok, Scenarios, UsageLog, Volume};

use crate::data::Data;
use crate::model_shape;
use crate::payback_flags;
use crate::picture::Picture;
use crate::record_files;
use crate::show::Writer;

/// The cloud model that is held against a machine where none is named: of those in use at the end of
/// 2026, the one whose predecessor the question was first asked of.
const DEFAULT_CLOUD: &str = "anthropic/claude-sonnet-5.5";

pub(crate) fn payback(
    args: &PaybackArgs,
    data: &Data,
    reads: &Reads,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let flags = &args.scenario;
    let picture = Picture::check(&args.plot, reads)?;
    let scenarios = gather(flags, data, context)?;
    if scenarios.len() > 1 {
        bail!("payback takes one of each; llm-cost compare takes lists");
    }
    let Some(scenario) = scenarios.iter().next() else {
        bail!("there is no scenario to answer for");
    };
    let answer = scenario.evaluate(&payback_flags::of(flags), &data.catalogue, data.today)?;
    data.warn_of_age(&answer.rows);
    if let Some(picture) = picture {
        picture.write(&plot::payback(&answer)?)?;
    }
    if args.explain.explain {
        return Ok(writer.text(&explain::payback(&answer))?);
    }
    let bodies = vec![Body::Payback(Box::new(answer))];
    Ok(writer.answer(bodies, |bodies| bodies.iter().map(table::payback).collect())?)
}

pub(crate) fn compare(
    args: &CompareArgs,
    data: &Data,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let flags = &args.scenario;
    let mut scenarios = gather(flags, data, context)?;
    scenarios.scale(&args.mtok);
    let inputs = payback_flags::of(flags);
    let mut answers: Vec<PaybackRecord> = Vec::new();
    for scenario in scenarios.iter() {
        match scenario.evaluate(&inputs, &data.catalogue, data.today) {
            Ok(answer) => answers.push(answer),
            // One that cannot be is no reason to leave the others out.
            Err(reason) if scenarios.len() > 1 => {
                context.messages.warning(format_args!("left out: {reason}"));
            }
            Err(reason) => return Err(reason.into()),
        }
    }
    if answers.is_empty() {
        bail!("no scenario has an answer");
    }
    let rows: Vec<_> = answers
        .iter()
        .flat_map(|answer| answer.rows.clone())
        .collect();
    data.warn_of_age(&rows);
    if args.explain.explain {
        let texts: Vec<String> = answers.iter().map(explain::payback).collect();
        return Ok(writer.text(&texts.join("\n"))?);
    }
    let bodies = answers
        .into_iter()
        .map(|answer| Body::Compare(Box::new(answer)))
        .collect();
    Ok(writer.answer(bodies, table::compare)?)
}

/// Reads the records and finds the rows that flags name. Standard input is read where `-` names it, and
/// where nothing else says the volume.
fn gather(flags: &ScenarioArgs, data: &Data, context: &Context) -> Result<Scenarios> {
    let (volumes, usage) = volumes(&flags.volume, data, context)?;
    let bench = match &flags.local.bench {
        // Read for the volume already; it cannot be read twice.
        Some(path) if is_stdin(path) && takes_stdin(&flags.volume) => usage.clone(),
        Some(path) => Some(record_files::file(path, context)?),
        None => None,
    };
    if let (Some(path), Some(log)) = (&flags.local.bench, &bench)
        && !log.has_speeds()
    {
        bail!(
            "'{}' holds no speeds: no 'bench' records, which llm-bench writes, and no 'completion' records \
             with metrics, which llm-run writes",
            path.display()
        );
    }
    let logs = match bench {
        // Answers say how fast they were made as well.
        Some(log) if log.benches.is_empty() && usage.is_none() => SpeedLogs {
            bench: None,
            usage: Some(log),
        },
        bench => SpeedLogs { bench, usage },
    };
    let catalogue = &data.catalogue;
    let clouds = match flags.cloud.cloud.as_slice() {
        [] => vec![catalogue.price(DEFAULT_CLOUD)?.clone()],
        names => names
            .iter()
            .map(|name| catalogue.price(name).cloned())
            .collect::<Result<_, _>>()?,
    };
    let machines = flags.local.machine.iter();
    let machines: Result<_, _> = machines
        .map(|name| catalogue.machine(name).cloned())
        .collect();
    let local = |name: &String| -> Result<LocalModel> {
        let shape = model_shape::named(name, catalogue)?;
        let row = catalogue.model(&shape.model).ok().cloned();
        Ok(LocalModel { shape, row })
    };
    Ok(Scenarios {
        volumes,
        clouds,
        machines: machines?,
        locals: flags.local.local.iter().map(local).collect::<Result<_>>()?,
        logs,
    })
}

/// Volumes, and the log that was read meanwhile.
type Found = (Vec<MonthlyVolume>, Option<UsageLog>);

/// Whether a flag names standard input.
fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether the volume is read from standard input.
pub(crate) fn takes_stdin(args: &VolumeArgs) -> bool {
    takes_records(args) && (args.usage.is_empty() || args.usage.iter().any(|path| is_stdin(path)))
}

/// Whether neither numbers nor a profile say the volume.
fn takes_records(args: &VolumeArgs) -> bool {
    args.input_mtok.is_none() && args.output_mtok.is_none() && args.profile.is_empty()
}

/// Finds the volumes: by flags, by profiles, by records; with the records that were read for them.
fn volumes(args: &VolumeArgs, data: &Data, context: &Context) -> Result<Found> {
    if takes_records(args) {
        let log = record_files::files(&args.usage, context)?;
        let month = log.month(args.days)?;
        let left_out = month.left_out();
        if let Some(sentence) = &left_out {
            context.messages.warning(sentence);
        }
        let recorded = MonthlyVolume {
            is_recorded: true,
            left_out,
            ..MonthlyVolume::new("records", month.volume)
        };
        return Ok((vec![recorded], Some(log)));
    }
    if args.profile.is_empty() {
        let volume = Volume {
            input: Mtok(args.input_mtok.unwrap_or_default()),
            output: Mtok(args.output_mtok.unwrap_or_default()),
            ..Volume::default()
        };
        return Ok((vec![MonthlyVolume::new("given", volume)], None));
    }
    let profiles = args.profile.iter().map(|name| {
        let profile = data.catalogue.profile(name)?;
        Ok(MonthlyVolume::new(&profile.id, profile.volume()))
    });
    Ok((profiles.collect::<Result<_>>()?, None))
}
