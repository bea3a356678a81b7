//! CSV that lacuna wrote: columns whose cells are ids.

use super::Change;
use crate::person::Person;

/// Whether a column that holds people names the person; `None` where the text is no table with such a column.
pub fn names(text: &[u8], person: &Person) -> Option<bool> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let columns = people_columns(reader.byte_headers().ok()?);
    if columns.is_empty() {
        return None;
    }
    let cell = |row: &csv::ByteRecord, at: &usize| {
        row.get(*at).and_then(|cell| std::str::from_utf8(cell).ok().map(str::to_string))
    };
    let named =
        |row: csv::ByteRecord| columns.iter().any(|at| cell(&row, at).is_some_and(|cell| is_or_joins(&cell, person)));
    Some(reader.into_byte_records().filter_map(Result::ok).any(named))
}

/// The same table with the pseudonym in place of the person, and an alias in place of a digest that is gone.
pub fn rewritten(text: &[u8], change: &Change) -> Option<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let headers = reader.byte_headers().ok()?.clone();
    let columns = people_columns(&headers);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(&headers).ok()?;
    for row in reader.into_byte_records() {
        let row = row.ok()?;
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let text = std::str::from_utf8(cell).unwrap_or_default();
            match columns.contains(&at) && is_or_joins(text, change.person) {
                true => replaced(text, change).into_bytes(),
                false => change.alias(text).map_or_else(|| cell.to_vec(), String::into_bytes),
            }
        });
        writer.write_record(cells).ok()?;
    }
    writer.into_inner().ok()
}

/// Whether a cell is the person, or several people who were forgotten at once, joined by `_`, the person among them.
fn is_or_joins(cell: &str, person: &Person) -> bool {
    person.is(cell) || around(cell, person).is_some()
}

/// What stands before and behind the person among several that are joined.
fn around<'a>(cell: &'a str, person: &Person) -> Option<(&'a str, &'a str)> {
    let cuts = cell.match_indices('_').map(|(at, _)| at).collect::<Vec<_>>();
    let starts = std::iter::once(0).chain(cuts.iter().map(|at| at + 1)).collect::<Vec<_>>();
    let ends = cuts.iter().copied().chain([cell.len()]).collect::<Vec<_>>();
    let part = |(start, end): &(usize, usize)| start < end && person.is(&cell[*start..*end]);
    let pairs = starts.iter().flat_map(|start| ends.iter().map(|end| (*start, *end)));
    let (start, end) = pairs.filter(|(start, end)| (*start, *end) != (0, cell.len())).find(part)?;
    Some((&cell[..start], &cell[end..]))
}

fn replaced(cell: &str, change: &Change) -> String {
    match around(cell, change.person) {
        Some((before, behind)) if !change.person.is(cell) => format!("{before}{}{behind}", change.pseudonym),
        _ => change.pseudonym.clone(),
    }
}

fn people_columns(headers: &csv::ByteRecord) -> Vec<usize> {
    // `subjects` is a count in curves.
    let is_people =
        |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|name| ["subject", "forgotten", "forget"].contains(&name));
    headers.iter().enumerate().filter(|(_, cell)| is_people(cell)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_replaced_in_a_column_of_people_alone() {
        let person = Person::named("1");
        let change = Change { person: &person, pseudonym: "p".to_string(), gone: Default::default() };
        let table = b"subject,epochs,forgotten,dice\n1,1,10,1\n2,1,1,0.5\n";
        assert_eq!(names(table, &person), Some(true));
        let rewritten = rewritten(table, &change).unwrap();
        assert_eq!(
            String::from_utf8(rewritten.clone()).unwrap(),
            "subject,epochs,forgotten,dice\np,1,10,1\n2,1,p,0.5\n"
        );
        assert_eq!(names(&rewritten, &person), Some(false));
        let several = b"subject,forgotten,subjects\n2,1_2,1\n";
        let text = super::rewritten(several, &change).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "subject,forgotten,subjects\n2,p_2,1\n");
        assert_eq!(names(b"epochs,loss\n1,1\n", &person), None);
    }
}
