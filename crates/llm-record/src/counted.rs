//! A number with what it counts, for messages.

use std::fmt::Display;

/// Returns `1 line`, or `2 lines`: the number before what one is called, and what several are.
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
        let lines = |count: u64| counted(count, "line", "lines");
        assert_eq!([0, 1, 2].map(lines), ["0 lines", "1 line", "2 lines"]);
    }
}
