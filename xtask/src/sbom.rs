//! Lists the components of the command in CycloneDX, from `cargo metadata` and the lock file alone.
//!
//! Names, versions, licences and checksums are those of Cargo.lock, so the same commit gives the same bytes; there is no
//! clock and no random number in it. Only what the command links or is built with is listed, without what tests need.

use crate::Failure;
use clap::Args;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// Write the software bill of materials of the command, in CycloneDX 1.5
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask sbom --out lacuna.cdx.json")]
pub struct Arguments {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = "lacuna.cdx.json")]
    out: PathBuf,
}

/// Writes the list, and prints the number of its entries.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let metadata = ["metadata", "--locked", "--format-version", "1"];
    let metadata: Value = serde_json::from_str(&crate::machine::printed(Command::new("cargo").args(metadata))?)?;
    let bill = bill(&metadata, &checksums(&std::fs::read_to_string("Cargo.lock")?))?;
    let components = bill["components"].as_array().map_or(0, Vec::len);
    std::fs::write(&arguments.out, serde_json::to_string_pretty(&bill)? + "\n")?;
    println!("{}: {components} components", arguments.out.display());
    Ok(())
}

fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value, Failure> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Vec<Value>> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), list(&node["deps"]))).collect();
    let root = packages.values().find(|package| package["name"] == "lacuna").ok_or("no package named lacuna")?;
    let mut reached = BTreeSet::from([text(&root["id"])]);
    let mut ahead = vec![text(&root["id"])];
    let mut dependencies = BTreeMap::new();
    while let Some(id) = ahead.pop() {
        let needed: BTreeSet<String> =
            nodes[&id].iter().filter(|needed| is_shipped(needed)).map(|needed| text(&needed["pkg"])).collect();
        ahead.extend(needed.iter().filter(|id| reached.insert((*id).clone())).cloned());
        let on: Vec<String> = needed.iter().map(|id| name_of(&packages[id])).collect();
        dependencies.insert(name_of(&packages[&id]), on);
    }
    let others = reached.iter().filter(|id| **id != text(&root["id"])).map(|id| component(&packages[id], checksums));
    let dependencies: Vec<Value> =
        dependencies.iter().map(|(name, on)| json!({"ref": name, "dependsOn": on})).collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(root, checksums)},
        "components": others.collect::<Vec<_>>(),
        "dependencies": dependencies,
    }))
}

/// Whether a dependency is a normal or build dependency; those of tests alone are not in the program.
fn is_shipped(needed: &Value) -> bool {
    needed["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    let mut component = json!({
        "type": if name == "lacuna" { "application" } else { "library" },
        "bom-ref": name_of(package),
        "name": name,
        "version": version,
        "purl": name_of(package),
    });
    if let Some(license) = package["license"].as_str() {
        // Older crates write `MIT/Apache-2.0` for `MIT OR Apache-2.0`.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    if let Some(checksum) = checksums.get(&(name, version)) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

fn name_of(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

/// The SHA-256 digest of each package in the registry, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.map(|value| value.trim_end_matches('"').to_string())
        };
        if let (Some(name), Some(version), Some(checksum)) = (field("name"), field("version"), field("checksum")) {
            found.insert((name, version), checksum);
        }
    }
    found
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_listed_with_its_checksum_and_tests_are_not() {
        let package = |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let needs = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("lacuna"), package("linked"), package("built-with"), package("tested-with")],
            "resolve": {"nodes": [
                {"id": "lacuna", "deps": [needs("linked", Value::Null), needs("tested-with", json!("dev"))]},
                {"id": "linked", "deps": [needs("built-with", json!("build"))]},
                {"id": "built-with", "deps": []},
                {"id": "tested-with", "deps": []},
            ]},
        });
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n";
        let bill = bill(&metadata, &checksums(lock)).unwrap();
        let components = bill["components"].as_array().unwrap();
        let names: Vec<&str> = components.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["built-with", "linked"]);
        assert_eq!(components[1]["hashes"][0]["content"], "ab");
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["dependencies"][1]["dependsOn"], json!(["pkg:cargo/linked@1.0.0"]));
    }
}
