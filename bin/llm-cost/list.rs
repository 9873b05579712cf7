//! The catalogue's rows as records, or as a table of the columns that matter.

use anyhow::Result;
use llm_cli::parser::cost::Table;
use llm_cost::listing;
use llm_cost::render::table;

use crate::data::Data;
use crate::show::Writer;

/// Writes a table's rows.
pub(crate) fn run(table: Table, data: &Data, writer: &mut Writer) -> Result<()> {
    let table = match table {
        Table::Prices => listing::Table::Prices,
        Table::Machines => listing::Table::Machines,
        Table::Models => listing::Table::Models,
        Table::Quants => listing::Table::Quants,
        Table::Electricity => listing::Table::Electricity,
        Table::Profiles => listing::Table::Profiles,
        Table::Predictor => listing::Table::Predictor,
    };
    let bodies = data.catalogue.rows(table)?;
    Ok(writer.answer(bodies, |bodies| table::rows(table, bodies))?)
}
