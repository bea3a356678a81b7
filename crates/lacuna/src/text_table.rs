//! Columns of text for people.

/// Rows set in columns as wide as their widest cell, two spaces apart; the first row is the head.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lines of a name and a value, the values one below the other.
pub fn named(lines: &[(&str, String)]) -> String {
    let rows: Vec<[String; 2]> = lines.iter().map(|(name, value)| [name.to_string(), value.clone()]).collect();
    aligned(&rows)
}

/// `A x B x C`.
pub fn by<T: std::fmt::Display>(sizes: [T; 3]) -> String {
    sizes.map(|size| size.to_string()).join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_string);
        assert_eq!(aligned(&[row(["a", "b"]), row(["long", ""])]), "a     b\nlong\n");
    }
}
