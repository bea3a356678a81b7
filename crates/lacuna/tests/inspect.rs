//! The reported content of a file.

use crate::support::Workspace;
use lacuna_nn::{Architecture, Device, Network, write_model};
use lacuna_seed::Seed;
use serde_json::json;
use std::collections::BTreeMap;

#[test]
fn an_image_tells_its_geometry() {
    let workspace = Workspace::new();
    workspace.heads("heads", "--spacing 1x1.5x2");
    let image = workspace.json("inspect heads/images/phantom-000.nii.gz", "lacuna.inspect/1");
    assert_eq!(image["kind"], "image");
    assert_eq!(image["shape"], json!([16, 18, 12]));
    assert_eq!(image["spacing_mm"], json!([1.0, 1.5, 2.0]));
    assert_eq!(image["axes"], "RAS");
    assert!(workspace.ok("inspect heads/images/phantom-000.nii.gz").contains("16 x 18 x 12"));
}

#[test]
fn a_model_tells_its_network_and_its_notes() {
    let workspace = Workspace::new();
    let network = Network::new(Architecture::medicalnet(10, 1, 2).unwrap(), Seed(1), &Device::flex());
    let notes = BTreeMap::from([("parent".to_string(), "abc".to_string())]);
    write_model(&workspace.path("w.safetensors"), &network, &notes).unwrap();
    let model = workspace.json("inspect w.safetensors", "lacuna.inspect/1");
    assert_eq!(model["kind"], "model");
    assert_eq!(model["digest"], network.digest());
    assert_eq!(model["weights"], 14_514_464);
    assert_eq!(model["metadata"]["parent"], "abc");
}
