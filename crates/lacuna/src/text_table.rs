//! Columns of text for people.

/// Rows set in columns as wide as their widest cell, two spaces apart; the first row is the head.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lines of a name and a value, the values one below the other.
pub fn named(lines: &[(&str, String)]) -> String {
    let rows: Vec<Vec<String>> = lines.iter().map(|(name, value)| vec![name.to_string(), value.clone()]).collect();
    aligned(&rows)
}

pub fn by<T: std::fmt::Display>(sizes: [T; 3]) -> String {
    sizes.map(|size| size.to_string()).join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_string).to_vec();
        assert_eq!(aligned(&[row(["a", "b"]), row(["long", ""])]), "a     b\nlong\n");
    }
}
