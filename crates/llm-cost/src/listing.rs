//! The catalogue's rows as JSON, and which of their columns people see.

use serde::Serialize;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::record::{Body, RowRecord};

/// Which rows are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Cloud models.
    Prices,
    /// Machines.
    Machines,
    /// Open-weight models.
    Models,
    /// Quantizations.
    Quants,
    /// Prices of electricity.
    Electricity,
    /// Kinds of users.
    Profiles,
    /// Parameters and errors of the predictor.
    Predictor,
}

impl Table {
    /// Returns its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prices => "prices",
            Self::Machines => "machines",
            Self::Models => "models",
            Self::Quants => "quants",
            Self::Electricity => "electricity",
            Self::Profiles => "profiles",
            Self::Predictor => "predictor",
        }
    }

    /// Returns the fields that people see, a column each.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Prices => &[
                "id",
                "input",
                "output",
                "cache_read",
                "context",
                "status",
                "as_of",
            ],
            Self::Machines => &[
                "id",
                "usable_gib",
                "bandwidth_gbs",
                "price",
                "price_assumed",
                "load_w",
                "as_of",
            ],
            Self::Models => &["id", "params_b", "active_b", "layers", "context", "repo"],
            Self::Quants => &["quant", "bits", "source"],
            Self::Electricity => &["region", "usd_per_kwh", "as_of", "confidence"],
            Self::Profiles => &[
                "id",
                "input_mtok",
                "output_mtok",
                "cache_hit",
                "note",
                "source",
            ],
            Self::Predictor => &["family", "rows", "eta", "tau_us", "moe", "prefill_moe"],
        }
    }
}

impl Catalogue {
    /// Returns the rows of a table as records, without the fields that are not known.
    ///
    /// # Errors
    /// A number that JSON does not have, which no checked row holds.
    pub fn rows(&self, table: Table) -> Result<Vec<Body>, serde_json::Error> {
        match table {
            Table::Prices => bodies(table, &self.prices),
            Table::Machines => bodies(table, &self.machines),
            Table::Models => bodies(table, &self.models),
            Table::Quants => bodies(table, &self.quants),
            Table::Electricity => bodies(table, &self.electricity),
            Table::Profiles => bodies(table, &self.profiles),
            Table::Predictor => bodies(table, &self.families),
        }
    }
}

fn bodies<R: Serialize>(table: Table, rows: &[R]) -> Result<Vec<Body>, serde_json::Error> {
    let body = |row: &R| {
        let mut row = serde_json::to_value(row)?;
        if let Some(fields) = row.as_object_mut() {
            fields.retain(|_, field: &mut Value| !field.is_null());
        }
        Ok(Body::Row(RowRecord {
            table: table.name().to_owned(),
            row,
        }))
    };
    rows.iter().map(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_rows_with_its_columns_and_none_that_is_null() {
        for table in [
            Table::Prices,
            Table::Machines,
            Table::Models,
            Table::Quants,
            Table::Electricity,
            Table::Profiles,
            Table::Predictor,
        ] {
            let bodies = Catalogue::builtin().rows(table).unwrap();
            let has = |column: &&str| {
                bodies.iter().any(|body| match body {
                    Body::Row(row) => row.row.get(*column).is_some_and(|field| !field.is_null()),
                    _ => false,
                })
            };
            let columns = table.columns();
            assert!(columns.iter().all(has), "{}", table.name());
        }
    }
}
