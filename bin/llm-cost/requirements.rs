//! `floor`: which models on which machines. What comes of it is the cost model's business.

use anyhow::{Result, bail};
use llm_cli::parser::cost::{CacheKind, FloorArgs};
use llm_cli::{Context, Reads};
use llm_cost::catalogue::Machine;
use llm_cost::record::{Body, UsedRow};
use llm_cost::render::{explain, plot, table};
use llm_cost::{CacheType, Catalogue, Requirements, Shape, Usd};

use crate::data::Data;
use crate::picture::Picture;
use crate::show::Writer;
use crate::{model_shape, record_files, this_machine};

pub(crate) fn run(
    args: &FloorArgs,
    data: &Data,
    reads: &Reads,
    context: &Context,
    writer: &mut Writer,
) -> Result<()> {
    let picture = Picture::check(&args.plot, reads)?;
    let requirements = Requirements {
        catalogue: &data.catalogue,
        context_tokens: args.context,
        cache_type: cache_type(args.cache_type),
        budget: args.budget.map(Usd),
        this_machine: args
            .this_machine
            .then(|| this_machine::measured(context.messages))
            .transpose()?,
        machines: machines(args, &data.catalogue)?,
    };
    let named = models(args, &data.catalogue, context)?;
    let by_machine = named.is_none();
    let shapes = named.unwrap_or_else(|| data.catalogue.shapes());
    if !by_machine {
        let sentences = requirements.beyond_context(&shapes);
        sentences.for_each(|sentence| context.messages.warning(sentence));
    }
    let bodies = requirements.answer(&shapes, by_machine);
    if !bodies.iter().any(|body| matches!(body, Body::Floor(_))) {
        context.messages.warning(requirements.nothing(by_machine));
    }
    if let Some(sentence) = requirements.beyond_budget() {
        context.messages.warning(sentence);
    }
    data.warn_of_age(&rows(&bodies, &data.catalogue));
    if let Some(picture) = picture {
        match plot::requirements(&bodies)? {
            Some(svg) => picture.write(&svg)?,
            None => context.messages.warning(format_args!(
                "there is no machine with a predicted speed to draw, so '{}' was not written; name another \
                 machine, a smaller model or a larger budget",
                picture.path.display()
            )),
        }
    }
    if args.explain.explain {
        let text = explain::requirements(&bodies, &shapes, &requirements);
        return Ok(writer.text(&text)?);
    }
    Ok(writer.answer(bodies, table::requirements)?)
}

/// Finds the machines that are named.
fn machines(args: &FloorArgs, catalogue: &Catalogue) -> Result<Vec<Machine>> {
    let found = args
        .machine
        .iter()
        .map(|name| catalogue.machine(name).cloned());
    Ok(found.collect::<Result<_, _>>()?)
}

/// Returns the models that are named; nothing where all that a machine runs are asked about.
fn models(
    args: &FloorArgs,
    catalogue: &Catalogue,
    context: &Context,
) -> Result<Option<Vec<Shape>>> {
    let is_stdin = args.models == ["-"];
    if !is_stdin && !args.models.is_empty() {
        let names = args.models.iter();
        let found = names.map(|name| model_shape::named(name, catalogue));
        return Ok(Some(found.collect::<Result<_>>()?));
    }
    // A machine or a budget alone is a question too, which needs no input.
    let has_machine = args.this_machine || !args.machine.is_empty();
    if !is_stdin && (has_machine || args.budget.is_some()) {
        if record_files::is_fed() {
            context.messages.note(
                "standard input is not read when a machine or a budget is given; name '-' to read 'model' \
                 records from it",
            );
        }
        return Ok(None);
    }
    let text = record_files::text(std::path::Path::new("-"), context)?;
    let (shapes, others) = model_shape::recorded(&text, catalogue);
    if others > 0 {
        context.messages.note(format_args!(
            "skipped: {others} lines that are not 'model' records"
        ));
    }
    if shapes.is_empty() {
        bail!(
            "no model is named; write llm-cost floor MODEL, or send it 'model' records (llm-pull show \
             MODEL | llm-cost floor)"
        );
    }
    Ok(Some(shapes.into_iter().collect::<Result<_>>()?))
}

/// Returns the rows of the machines that an answer names.
fn rows(bodies: &[Body], catalogue: &Catalogue) -> Vec<UsedRow> {
    let machine = |body: &Body| match body {
        Body::Floor(row) => catalogue.machine(&row.machine).ok().map(UsedRow::from),
        _ => None,
    };
    bodies.iter().filter_map(machine).collect()
}

fn cache_type(kind: CacheKind) -> CacheType {
    match kind {
        CacheKind::F16 => CacheType::F16,
        CacheKind::Q8_0 => CacheType::Q8_0,
        CacheKind::Q5_1 => CacheType::Q5_1,
        CacheKind::Q4_0 => CacheType::Q4_0,
    }
}
