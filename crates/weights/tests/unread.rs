//! Tensors and files of unsupported kinds, written by PyTorch 2.15.0 and safetensors 0.8.0.
//!
//! `fixtures/make_unread.py` made the files; the comments give the result of `torch.load(FILE, weights_only=True)`.

use lacuna_weights::{WeightFile, WeightsError};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn refusal(name: &str) -> String {
    WeightFile::open(&fixture(name)).unwrap_err().to_string()
}

/// PyTorch returns `[1, -2, 3]` for `plain` and for `negative`, whose stored numbers are `[-1, 2, -3]`.
#[test]
fn a_tensor_whose_numbers_are_not_the_stored_ones_is_never_read_as_if_they_were() {
    for name in ["unread.pth", "unread-legacy.pth"] {
        let file = WeightFile::open(&fixture(name)).unwrap();
        assert_eq!(file.tensor("plain").unwrap().to_f32(), [1.0, -2.0, 3.0], "{name}");
        // An attribute of a tensor of PyTorch's own class changes no number.
        assert_eq!(file.tensor("attribute").unwrap().to_f32(), [7.0, 8.0], "{name}");
        assert_eq!(file.tensors().count(), 2, "{name}");
        for (tensor, what) in [
            ("negative", "negative bit"),
            ("conjugate", "ComplexFloatStorage"),
            ("complex", "ComplexFloatStorage"),
            ("quantised", "quantised"),
            ("sparse", "sparse"),
            ("meta", "`meta`"),
            ("subclass", "Own"),
        ] {
            let found = file.unread().get(tensor).unwrap_or_else(|| panic!("{name} {tensor}"));
            // For a conjugated tensor either the bit or the storage is examined first.
            assert!(found.contains(what) || tensor == "conjugate" && found.contains("conjugate bit"), "{found}");
        }
    }
}

#[test]
fn types_that_are_not_read_are_named_and_the_others_read() {
    for (name, count) in [("unread.pth", 11), ("unread.safetensors", 4)] {
        let file = WeightFile::open(&fixture(name)).unwrap();
        assert_eq!(file.tensor("plain").unwrap().to_f32(), [1.0, -2.0, 3.0], "{name}");
        assert_eq!(file.unread().len(), count, "{name}");
        let words = file.unread_summary().unwrap();
        assert!(words.starts_with(&format!("{count} tensors of kinds that are not read (`")), "{words}");
    }
    let file = WeightFile::open(&fixture("unread.pth")).unwrap();
    for (tensor, what) in [("float8", "torch.float8_e4m3fn"), ("uint16", "torch.uint16"), ("uint64", "torch.uint64")] {
        assert!(file.unread()[tensor].contains(what), "{}", file.unread()[tensor]);
    }
    let file = WeightFile::open(&fixture("unread.safetensors")).unwrap();
    for (tensor, what) in [("float8", "F8_E4M3"), ("uint16", "U16"), ("uint64", "U64")] {
        assert!(file.unread()[tensor].contains(what), "{}", file.unread()[tensor]);
    }
}

#[test]
fn a_file_of_unread_types_alone_says_what_it_holds() {
    let message = refusal("unread-all.pth");
    for part in ["4 tensors of kinds that are not read", "`float8`", "float8_e4m3fn", "`uint16`", "fix: "] {
        assert!(message.contains(part), "{message}");
    }
}

/// PyTorch returns `[1, -2, 3]`.
#[test]
fn an_archive_without_checksums_is_read() {
    let file = WeightFile::open(&fixture("without-checksums.pth")).unwrap();
    assert_eq!(file.tensor("plain").unwrap().to_f32(), [1.0, -2.0, 3.0]);
    // If one checksum is in the directory, all of them are compared.
    let mut bytes = std::fs::read(fixture("without-checksums.pth")).unwrap();
    let at = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[at + 16] = 1;
    let message = WeightFile::from_bytes(Path::new("x"), bytes).unwrap_err().to_string();
    assert!(message.contains("expected the checksum"), "{message}");
}

#[test]
fn an_archive_packed_again_and_a_program_are_refused_as_what_they_are() {
    let message = refusal("deflated.pth");
    assert!(message.contains("a deflated one") && message.contains("zip -0 -r"), "{message}");
    let message = refusal("torchscript.pt");
    assert!(message.contains("a TorchScript program") && message.contains("state_dict()"), "{message}");
}

fn taking(name: &str, key: Option<&str>) -> Result<(Option<String>, f32, Vec<String>), WeightsError> {
    let file = WeightFile::open_state_dict(&fixture(name), key)?;
    let first = file.tensor("plain").unwrap().to_f32()[0];
    Ok((file.state_dict().map(str::to_string), first, file.other_state_dicts().to_vec()))
}

#[test]
fn keys_of_dictionaries_within_each_other_are_known_and_names_of_tensors_are_none() {
    let file = WeightFile::open(&fixture("average.pth")).unwrap();
    for (key, is_there) in
        [("epoch", true), ("optimizer.state", true), ("model", true), ("model.plain", false), ("state", false)]
    {
        assert_eq!(file.has_key(key), is_there, "{key}");
    }
}

#[test]
fn of_several_state_dicts_it_is_said_which_was_taken_and_the_key_chooses() {
    let of = |key: &str, first, others: &[&str]| {
        (Some(key.to_string()), first, others.iter().map(|key| key.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(taking("average.pth", None).unwrap(), of("model", 1.0, &["model_ema"]));
    assert_eq!(taking("average.pth", Some("model_ema")).unwrap(), of("model_ema", 10.0, &["model"]));
    assert_eq!(taking("average-alone.pth", None).unwrap(), of("ema_state_dict", 10.0, &[]));
    assert_eq!(taking("average-unknown.pth", Some("critic")).unwrap(), of("critic", 10.0, &["generator"]));
    for (name, key, words) in [
        ("average.pth", Some("ema"), ["under `ema`", "`model`, `model_ema`"]),
        ("average-unknown.pth", None, ["`state_dict`", "`critic`, `generator`"]),
        ("unread.safetensors", Some("ema"), ["`ema`", "one state dict"]),
    ] {
        let message = taking(name, key).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)) && message.contains("--state-dict"), "{message}");
    }
}
