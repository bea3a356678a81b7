//! `lacuna schema`: what may stand in a TOML file, as a JSON Schema for editors.
//!
//! The schemas are made of the very types that the files are read into, so they cannot fall behind them; `docs/schemas`
//! holds them as this command writes them, and a test compares.

use crate::command::TrainRun;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, ValueEnum};
use lacuna_artefacts::PortablePath;
use lacuna_audit::{Gate, Protocol};
use lacuna_cohort::LabelTable;
use lacuna_study::StudyConfig;
use lacuna_study::audit::Controls;
use lacuna_unlearn::Recipe;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Write the JSON Schema of a TOML file, by which editors complete and check it
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna schema study > study.json\n  lacuna schema --out schemas")]
pub struct Arguments {
    /// The kind of file to describe
    #[arg(value_enum, value_name = "FILE", required_unless_present = "out")]
    file: Option<File>,
    /// Write the schemas of all files into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    out: Option<PathBuf>,
}

/// A TOML file that lacuna reads.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum File {
    /// `lacuna study FILE`
    Study,
    /// `lacuna audit FILE`
    Audit,
    /// `lacuna train --config FILE`
    Train,
    /// `lacuna unlearn --recipe FILE`
    Recipe,
    /// `--labels FILE`, a label table of your own
    Labels,
}

/// Print one, or write all.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    if let Some(file) = arguments.file {
        let schema = schema(file);
        return Ok(Outcome::new("schema", &json!({ "json_schema": schema }), text(&schema)));
    }
    let folder = arguments.out.as_ref().expect("clap demands a file or --out");
    let mut written = Vec::new();
    for file in File::value_variants() {
        let path = folder.join(format!("{}.json", name(*file)));
        lacuna_disk::write_bytes(&path, text(&schema(*file)).as_bytes())?;
        written.push(PortablePath::from(path));
    }
    let lines: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    Ok(Outcome::new("schema", &json!({ "files": written }), lines))
}

fn name(file: File) -> String {
    file.to_possible_value().expect("no file is hidden").get_name().to_string()
}

fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n"
}

fn schema(file: File) -> Value {
    // The newest draft that editors of TOML agree on.
    let mut generator = SchemaSettings::draft07().into_generator();
    let mut schema = match file {
        File::Study => StudyConfig::json_schema(&mut generator),
        File::Audit => audit(&mut generator),
        File::Train => TrainRun::json_schema(&mut generator),
        File::Recipe => Recipe::json_schema(&mut generator),
        File::Labels => LabelTable::json_schema(&mut generator),
    };
    if let File::Train = file {
        // What the file leaves out, flags may say.
        schema.remove("required");
    }
    schema.insert("$schema".to_string(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_string(), json!(format!("lacuna: {}", title(file))));
    schema.insert("definitions".to_string(), generator.take_definitions(true).into());
    schema.to_value()
}

fn title(file: File) -> &'static str {
    match file {
        File::Study => "a study file",
        File::Audit => "an audit file",
        File::Train => "a training's settings",
        File::Recipe => "a recipe of unlearning",
        File::Labels => "a label table",
    }
}

/// A study's keys and three tables more; the reference models of an audit are its seeds.
fn audit(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = StudyConfig::json_schema(generator);
    let tables = [
        ("protocol", generator.subschema_for::<Protocol>()),
        ("controls", generator.subschema_for::<Controls>()),
        ("gate", generator.subschema_for::<Gate>()),
    ];
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).expect("a study is a table");
    properties.remove("references");
    properties.extend(tables.map(|(key, table)| (key.to_string(), table.to_value())));
    schema
}
