//! A number with what it counts, for messages.

use std::fmt::Display;

/// Returns `1 record`, or `2 records`: the number before what one is called, and what several are.
pub fn counted<N: Display + PartialEq + From<u8> + Copy>(
    count: N,
    one: &str,
    many: &str,
) -> String {
    let name = if count == N::from(1) { one } else { many };
    format!("{count} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        let records = |count: u64| counted(count, "record", "records");
        assert_eq!(
            [0, 1, 2].map(records),
            ["0 records", "1 record", "2 records"]
        );
    }
}
