//! The rows as data within the page, so that the page contains its own data set.
//!
//! Each sheet is a CSV file in a compact form: fields that a whole run shares are stored once per run, and texts are
//! stored once per page and referred to by number. The page's script restores the same rows, to the last bit. Seeds are
//! texts, since JavaScript would round 64-bit numbers.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The format's name of the data within a page; its number rises with every change that a reader has to follow.
pub const DATA_SCHEMA: &str = "lacuna.report.1";

/// The columns that hold texts, in all sheets.
const TEXTS: [&str; 15] = [
    "strategy",
    "goal",
    "forgotten",
    "seed",
    "subject",
    "role",
    "class",
    "grid",
    "variant",
    "network",
    "labels",
    "empty",
    "status",
    "rebound_status",
    "relearn_status",
];

/// Columns that change within a run.
const WITHIN_RUN: [&str; 9] =
    ["subject", "role", "class", "grid", "dice", "mae", "mae_probability", "empty", "cross_entropy"];

/// CSV files by name as one JSON text that is safe within a `script` element.
pub(super) fn island(title: &str, sheets: &[(&str, Vec<u8>)]) -> String {
    let mut texts = Texts::default();
    let sheets: serde_json::Map<String, Value> =
        sheets.iter().map(|(name, csv)| (name.to_string(), sheet(csv, &mut texts))).collect();
    let island = json!({ "schema": DATA_SCHEMA, "title": title, "sheets": sheets, "texts": texts.list });
    inert(&island.to_string())
}

/// Escapes the characters of JSON that have a meaning in HTML; they occur only within its strings.
pub(super) fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => text.push(letter),
        }
    }
    text
}

/// Each text once, numbered in order of appearance.
#[derive(Default)]
struct Texts {
    list: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        self.list.push(text.to_string());
        self.numbers.insert(text.to_string(), self.list.len() - 1);
        self.list.len() - 1
    }
}

fn sheet(csv: &[u8], texts: &mut Texts) -> Value {
    let mut reader = csv::Reader::from_reader(csv);
    let columns: Vec<String> = reader.headers().expect("we wrote the file").iter().map(str::to_string).collect();
    let is_text: Vec<bool> = columns.iter().map(|column| TEXTS.contains(&column.as_str())).collect();
    let is_rows: Vec<bool> = columns.iter().map(|column| WITHIN_RUN.contains(&column.as_str())).collect();
    let (mut runs, mut rows): (Vec<Vec<Value>>, Vec<Vec<Value>>) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.expect("we wrote the file");
        let (mut run, mut row) = (Vec::new(), Vec::new());
        for (index, field) in record.iter().enumerate() {
            let value = value(field, is_text[index], texts);
            if is_rows[index] { row.push(value) } else { run.push(value) }
        }
        // This relies on the rows being sorted by run.
        if runs.last() != Some(&run) {
            runs.push(run);
        }
        row.insert(0, (runs.len() - 1).into());
        rows.push(row);
    }
    json!({ "columns": columns, "is_text": is_text, "is_row": is_rows, "runs": runs, "rows": rows })
}

/// A number with the same digits; `null` for a blank.
fn value(field: &str, is_text: bool, texts: &mut Texts) -> Value {
    match field {
        text if is_text => texts.number(text).into(),
        "" => Value::Null,
        digits => digits.parse::<serde_json::Number>().map_or_else(|_| digits.into(), Value::Number),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the page's script does with a sheet.
    pub(in crate::html) fn csv_of(island: &str, name: &str) -> String {
        let island: Value = serde_json::from_str(island).unwrap();
        let sheet = &island["sheets"][name];
        let list = |key: &str| sheet[key].as_array().unwrap();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(list("columns").iter().map(|column| column.as_str().unwrap())).unwrap();
        for row in list("rows") {
            let (mut of_row, run) = (row.as_array().unwrap().iter(), of_row_run(sheet, row));
            of_row.next();
            let mut of_run = run.iter();
            let fields = list("is_row").iter().zip(list("is_text")).map(|(is_row, is_text)| {
                let value = if is_row == true { of_row.next() } else { of_run.next() }.unwrap();
                match value {
                    Value::Null => String::new(),
                    value if is_text == true => {
                        island["texts"][value.as_u64().unwrap() as usize].as_str().unwrap().to_string()
                    }
                    value => value.to_string(),
                }
            });
            writer.write_record(fields.collect::<Vec<_>>()).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    fn of_row_run<'a>(sheet: &'a Value, row: &Value) -> &'a Vec<Value> {
        sheet["runs"][row[0].as_u64().unwrap() as usize].as_array().unwrap()
    }

    #[test]
    fn a_sheet_comes_back_field_by_field() {
        let csv = "strategy,seed,subject,dice\na,18446744073709551615,\"x,\"\"</script>\",0.1\na,1,y,\n";
        let island = island("t", &[("results", csv.as_bytes().to_vec())]);
        assert_eq!(csv_of(&island, "results"), csv);
        assert!(!island.contains(['<', '>', '&']));
    }

    #[test]
    fn what_rows_of_a_run_share_is_kept_once() {
        let csv = "strategy,subject,dice,steps\na,x,0.5,7\na,y,0.25,7\n";
        let island: Value = serde_json::from_str(&island("t", &[("results", csv.as_bytes().to_vec())])).unwrap();
        assert_eq!(island["sheets"]["results"]["runs"], json!([[0, 7]]));
        assert_eq!(island["sheets"]["results"]["rows"], json!([[0, 1, 0.5], [0, 2, 0.25]]));
    }
}
