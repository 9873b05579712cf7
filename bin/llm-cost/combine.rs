//! `payback` answers one combination, `compare` every one of its lists.

use anyhow::{Result, bail};
use llm_cli::cost::{CompareArgs, LocalArgs, PaybackArgs, VolumeArgs};
use llm_cli::{Context, Reads};
use llm_cost::catalogue::{Machine, Model, Price};
use llm_cost::record::{Body, PaybackRecord};
use llm_cost::used::{Sums, Used};
use llm_cost::{Mtok, Seconds, Shape, Volume};

use crate::data::Data;
use crate::show::Writer;
use crate::speeds::Records;
use crate::terms::{Asked, Combination, Flags, record};
use crate::{explain, header, input, plot, table};

/// The cloud model that is held against a machine where none is named: of those in use at the end of
/// 2026, the one whose predecessor the question was first asked of.
const DEFAULT_CLOUD: &str = "anthropic/claude-sonnet-5.5";

const DAY: Seconds = Seconds(86_400.0);

/// Everything that is combined.
struct Lists {
    volumes: Vec<Asked>,
    clouds: Vec<Price>,
    machines: Vec<Option<Machine>>,
    locals: Vec<Option<(Shape, Option<Model>)>>,
    records: Records,
}

pub(crate) fn payback(
    args: &PaybackArgs,
    data: &Data,
    reads: &Reads,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let flags = Flags {
        volume: &args.volume,
        cloud: &args.cloud,
        local: &args.local,
        money: &args.money,
    };
    let plot = plot::Target::check(&args.plot, reads)?;
    let lists = Lists::gather(flags, data, context)?;
    if lists.len() > 1 {
        bail!("payback answers for one of each; llm-cost compare takes lists");
    }
    let Some(of) = lists.combinations().next() else {
        bail!("there is nothing to answer for");
    };
    let answer = record(flags, of, data)?;
    data.warn_of_age(&answer.rows);
    if let Some(plot) = plot {
        plot.write(&plot::payback(&answer)?)?;
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
    let flags = Flags {
        volume: &args.volume,
        cloud: &args.cloud,
        local: &args.local,
        money: &args.money,
    };
    let mut lists = Lists::gather(flags, data, context)?;
    lists.scale(&args.mtok);
    let mut answers: Vec<PaybackRecord> = Vec::new();
    for of in lists.combinations() {
        match record(flags, of, data) {
            Ok(answer) => answers.push(answer),
            // One that cannot be is no reason to leave the others out.
            Err(reason) if lists.len() > 1 => {
                context.messages.warning(format_args!("left out: {reason}"));
            }
            Err(reason) => return Err(reason),
        }
    }
    if answers.is_empty() {
        bail!("no combination can be answered for");
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

impl Lists {
    fn gather(flags: Flags<'_>, data: &Data, context: &Context) -> Result<Self> {
        let (volumes, used) = volumes(flags.volume, flags.local, data, context)?;
        let mut records = Records { bench: None, used };
        if let Some(path) = &flags.local.bench {
            let used = input::file(path, context)?;
            if used.benches.is_empty() {
                bail!(
                    "'{}' holds no 'bench' records; llm-bench writes them",
                    path.display()
                );
            }
            records.bench = Some(used);
        }
        let catalogue = &data.catalogue;
        let clouds = match flags.cloud.cloud.as_slice() {
            [] => vec![catalogue.price(DEFAULT_CLOUD)?.clone()],
            names => names
                .iter()
                .map(|name| catalogue.price(name).cloned())
                .collect::<Result<_, _>>()?,
        };
        let machines: Vec<_> = flags
            .local
            .machine
            .iter()
            .map(|name| catalogue.machine(name).cloned())
            .collect::<Result<_, _>>()?;
        let local = |name: &String| -> Result<_> {
            let shape = header::named(name, catalogue)?;
            let model = catalogue.model(&shape.model).ok().cloned();
            Ok((shape, model))
        };
        let locals: Vec<_> = flags.local.local.iter().map(local).collect::<Result<_>>()?;
        Ok(Self {
            volumes,
            clouds,
            machines: or_none(machines),
            locals: or_none(locals),
            records,
        })
    }

    fn len(&self) -> usize {
        self.volumes.len() * self.clouds.len() * self.machines.len() * self.locals.len()
    }

    /// Puts a volume of each size in the place of each.
    fn scale(&mut self, sizes: &[f64]) {
        if sizes.is_empty() {
            return;
        }
        let scaled = |asked: &Asked| {
            let total = asked.volume.total();
            let one = |&size: &f64| {
                let factor = if total.0 > 0.0 {
                    Mtok(size) / total
                } else {
                    0.0
                };
                Asked {
                    volume: asked.volume.times(factor),
                    ..asked.clone()
                }
            };
            sizes.iter().map(one).collect::<Vec<_>>()
        };
        self.volumes = self.volumes.iter().flat_map(scaled).collect();
    }

    fn combinations(&self) -> impl Iterator<Item = Combination<'_>> {
        let machines = move |volume, cloud| {
            self.machines.iter().flat_map(move |machine| {
                self.locals.iter().map(move |local| Combination {
                    asked: volume,
                    cloud,
                    machine: machine.as_ref(),
                    local: local.as_ref(),
                    records: &self.records,
                })
            })
        };
        self.volumes.iter().flat_map(move |volume| {
            self.clouds
                .iter()
                .flat_map(move |cloud| machines(volume, cloud))
        })
    }
}

fn or_none<T>(list: Vec<T>) -> Vec<Option<T>> {
    if list.is_empty() {
        vec![None]
    } else {
        list.into_iter().map(Some).collect()
    }
}

/// Volumes, and the records that were read meanwhile.
type Found = (Vec<Asked>, Option<Used>);

/// Finds the volumes: by flags, by profiles, by records; with the records that were read for them or for
/// the speeds.
fn volumes(args: &VolumeArgs, local: &LocalArgs, data: &Data, context: &Context) -> Result<Found> {
    let has_speeds =
        local.bench.is_some() || (local.decode_tps.is_some() && local.prefill_tps.is_some());
    let by_flags = args.input_mtok.is_some() || args.output_mtok.is_some();
    if !by_flags && args.profile.is_empty() {
        let used = match args.usage.as_slice() {
            [] => input::files(&[], context)?,
            files => input::files(files, context)?,
        };
        let asked = Asked {
            is_recorded: true,
            ..Asked::new("records", recorded(&used, args.days)?)
        };
        return Ok((vec![asked], Some(used)));
    }
    // Speeds alone are no reason to wait for a person.
    let used = if has_speeds {
        None
    } else {
        input::waiting(context)?
    };
    if by_flags {
        let volume = Volume {
            input: Mtok(args.input_mtok.unwrap_or_default()),
            output: Mtok(args.output_mtok.unwrap_or_default()),
            ..Volume::default()
        };
        return Ok((vec![Asked::new("given", volume)], used));
    }
    let profiles = args.profile.iter().map(|name| {
        let profile = data.catalogue.profile(name)?;
        let volume = Volume {
            input: Mtok(profile.input_mtok),
            output: Mtok(profile.output_mtok),
            cache_hit: profile.cache_hit,
            cache_write: profile.cache_write,
            batch: 0.0,
        };
        Ok(Asked::new(&profile.id, volume))
    });
    Ok((profiles.collect::<Result<_>>()?, used))
}

/// Returns the month that records stand for.
fn recorded(used: &Used, days: Option<f64>) -> Result<Volume> {
    if used.uses.is_empty() {
        bail!(
            "there are no records of usage: completions, embeddings, OpenAI's batch output or ccusage's \
             JSON; or give --profile, or --input-mtok and --output-mtok"
        );
    }
    let sums = Sums::of(&used.uses);
    let days = match (days, sums.span()) {
        (Some(0.0), _) => bail!("--days is 0, and no time has no volume"),
        (Some(days), _) => days,
        (None, Some(span)) if span >= DAY => span / DAY,
        (None, Some(span)) => bail!(
            "the records span {:.1} hours, too little to make a month of; say with --days N what time \
             they stand for",
            span.0 / 3600.0
        ),
        (None, None) => {
            bail!("the records have no time; say with --days N what time they stand for")
        }
    };
    Ok(sums.a_month(days))
}
