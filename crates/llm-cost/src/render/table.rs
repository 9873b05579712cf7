//! Answers as tables, and as sentences where a table would say less.

mod payback;
mod requirements;
mod rows;
mod usage;

use comfy_table::{CellAlignment, Table, presets};

pub use payback::{compare, payback};
pub use requirements::requirements;
pub use rows::rows;
pub use usage::usage;

/// Returns a table in Markdown, numbers at the right.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head);
    let rows: Vec<Vec<String>> = rows.collect();
    let is_number = |cell: &String| {
        cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    };
    for (index, column) in table.column_iter_mut().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index));
        if cells.clone().all(is_number) && cells.clone().any(|cell| !cell.is_empty()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_stand_at_the_right() {
        let rows =
            [["a", "1"], ["bcd", ""], ["e", "-12"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["name", "number"], rows.into_iter()),
            "| name | number |\n|------|--------|\n| a    |      1 |\n| bcd  |        |\n| e    |    -12 |\n"
        );
    }
}
