//! Tests of plans files: those of nnU-Net, and malformed ones.

use super::super::plan::tests::tiny;
use super::*;
use serde_json::json;

fn newer() -> Value {
    json!({
        "dataset_name": "Dataset004_Hippocampus",
        "configurations": {
            "2d": { "architecture": { "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                                      "arch_kwargs": { "n_stages": 2, "conv_op": "torch.nn.modules.conv.Conv2d" } } },
            "3d_fullres": { "spacing": [1.0, 1.0, 1.0], "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                "arch_kwargs": {
                    "n_stages": 4,
                    "features_per_stage": [4, 6, 8, 8],
                    "conv_op": "torch.nn.modules.conv.Conv3d",
                    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
                    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
                    "n_conv_per_stage": [2, 1, 2, 2],
                    "n_conv_per_stage_decoder": [2, 1, 2],
                    "conv_bias": true,
                    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                    "norm_op_kwargs": { "eps": 1e-5, "affine": true },
                    "dropout_op": null, "dropout_op_kwargs": null,
                    "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": { "inplace": true }
                },
                "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]
            } },
            "3d_cascade_fullres": { "inherits_from": "3d_fullres", "previous_stage": "3d_lowres" },
            "3d_same": { "inherits_from": "3d_fullres", "previous_stage": null }
        }
    })
}

fn older() -> Value {
    json!({ "configurations": { "3d_fullres": {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 12,
        "n_conv_per_stage_encoder": [2, 1, 2, 2],
        "n_conv_per_stage_decoder": [2, 1, 2],
        "num_pool_per_axis": [2, 3, 3],
        "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
        "conv_kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]
    } } })
}

fn read(text: &str, configuration: &str) -> Result<UnetPlan, NnError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.json");
    std::fs::write(&path, text).unwrap();
    read_plans(&path, configuration)
}

#[track_caller]
fn refused(mut plans: Value, pointer: &str, value: Value, words: &[&str]) {
    *plans.pointer_mut(pointer).unwrap() = value;
    let message = read(&plans.to_string(), "3d_fullres").unwrap_err().to_string();
    assert!(
        words.iter().chain(&["plans.json", "3d_fullres", "expected", "found"]).all(|word| message.contains(word)),
        "{message}"
    );
}

#[test]
fn newer_plans_say_the_network_by_its_arguments() {
    assert_eq!(read(&newer().to_string(), "3d_fullres").unwrap(), tiny());
    assert_eq!(read(&newer().to_string(), "3d_same").unwrap(), tiny(), "inherited");
}

#[test]
fn a_cascades_second_stage_is_refused() {
    let message = read(&newer().to_string(), "3d_cascade_fullres").unwrap_err().to_string();
    assert!(["previous_stage", "3d_lowres", "cascade"].iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn turned_axes_are_known_and_stored_ones_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.json");
    for (order, expected) in [(json!([2, 0, 1]), Some(vec![2, 0, 1])), (json!([0, 1, 2]), None), (Value::Null, None)] {
        let mut plans = newer();
        plans["transpose_forward"] = order;
        std::fs::write(&path, plans.to_string()).unwrap();
        assert_eq!(turned_axes(&path).unwrap(), expected);
    }
}

#[test]
fn older_plans_say_it_by_kernels_and_poolings() {
    // 4, 8, 16 and 32 features, limited to 12.
    let expected = UnetPlan { features_per_stage: vec![4, 8, 12, 12], ..tiny() };
    assert_eq!(read(&older().to_string(), "3d_fullres").unwrap(), expected);
}

#[test]
fn one_number_stands_for_all_stages() {
    let mut plans = newer();
    *plans.pointer_mut("/configurations/3d_fullres/architecture/arch_kwargs/n_conv_per_stage").unwrap() = json!(2);
    assert_eq!(read(&plans.to_string(), "3d_fullres").unwrap().n_conv_per_stage, [2; 4]);
}

#[test]
fn another_network_is_refused_by_field() {
    let architecture = "/configurations/3d_fullres/architecture";
    let residual = json!("dynamic_network_architectures.architectures.unet.ResidualEncoderUNet");
    refused(
        newer(),
        &format!("{architecture}/network_class_name"),
        residual,
        &["PlainConvUNet", "ResidualEncoderUNet"],
    );
    refused(older(), "/configurations/3d_fullres/UNet_class_name", json!("ResidualEncoderUNet"), &["UNet_class_name"]);
    let argument = |field: &str| format!("{architecture}/arch_kwargs/{field}");
    refused(newer(), &argument("conv_op"), json!("torch.nn.modules.conv.Conv2d"), &["conv_op", "Conv3d"]);
    refused(newer(), &argument("norm_op"), json!("torch.nn.BatchNorm3d"), &["norm_op", "InstanceNorm3d"]);
    refused(newer(), &argument("nonlin"), json!("torch.nn.ReLU"), &["nonlin", "LeakyReLU"]);
    refused(newer(), &argument("nonlin_kwargs"), json!({ "negative_slope": 0.2 }), &["nonlin_kwargs", "0.01"]);
    refused(
        newer(),
        &argument("norm_op_kwargs"),
        json!({ "eps": 1e-5, "affine": false }),
        &["norm_op_kwargs", "affine"],
    );
    refused(newer(), &argument("conv_bias"), json!(false), &["conv_bias", "true"]);
    refused(newer(), &argument("dropout_op"), json!("torch.nn.Dropout3d"), &["dropout_op", "null"]);
}

#[test]
fn plans_that_contradict_themselves_are_refused_by_field() {
    let argument = |field: &str| format!("/configurations/3d_fullres/architecture/arch_kwargs/{field}");
    refused(newer(), &argument("n_stages"), json!(-4), &["n_stages", "whole numbers", "-4"]);
    refused(newer(), &argument("n_stages"), json!(1e12), &["n_stages"]);
    refused(newer(), &argument("features_per_stage"), json!([4, 8]), &["kernel_sizes", "2 entries"]);
    refused(newer(), &argument("features_per_stage"), json!("many"), &["features_per_stage", "many"]);
    refused(newer(), &argument("strides"), json!([[1, 1], [2, 2]]), &["strides", "three axes"]);
    refused(newer(), &argument("kernel_sizes"), json!([[2, 2, 2], [3, 3, 3], [3, 3, 3], [3, 3, 3]]), &["[2, 2, 2]"]);
    refused(newer(), "/configurations/3d_fullres/architecture/arch_kwargs", json!(7), &["arch_kwargs", "7"]);
    refused(older(), "/configurations/3d_fullres/UNet_base_num_features", json!(null), &["UNet_base_num_features"]);
    refused(older(), "/configurations/3d_fullres/UNet_base_num_features", json!(0), &["features of a stage"]);
}

#[test]
fn a_file_that_is_no_plans_file_is_told_what_it_lacks() {
    let message = |text: &str, configuration: &str| read(text, configuration).unwrap_err().to_string();
    assert!(message("not JSON", "3d_fullres").contains("JSON"));
    assert!(message("[]", "3d_fullres").contains("configurations"));
    let unknown = message(&newer().to_string(), "3d_lowres");
    assert!(unknown.contains("`3d_lowres`") && unknown.contains("`3d_fullres`"), "{unknown}");
    let circle = json!({ "configurations": { "a": { "inherits_from": "b" }, "b": { "inherits_from": "a" } } });
    assert!(message(&circle.to_string(), "a").contains("circle"));
}
