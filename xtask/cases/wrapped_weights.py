"""A whole network under the prefix of a wrapper (Lightning, MONAI workflows, torch.compile)."""

REPORT = "Lightning#20233, SuPreM#5, MONAI tutorials#96, hydra-template#447"
RIGHT = "the prefix is taken off: the same network, tensor for tensor"
NEEDS = ["safetensors"]


def check(case):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(case.model())
    plain = case.lacuna("convert", case.model())
    # Without lacuna's own metadata, as another program writes it.
    flags = ["--depth", "10", "--classes", "4"]
    for prefix in ("", "module.", "model.", "net.", "network.", "model._orig_mod.", "model.module."):
        name = f"{prefix or 'none.'}safetensors"
        save_file({prefix + key: values for key, values in tensors.items()}, case.folder / name)
        done = case.lacuna("convert", name)
        same = done.json.get("forward", {}).get("digest") == plain.json["forward"]["digest"]
        case.expect(f"`{prefix}` is the same network", done.code == 0 and same, done)
    done = case.lacuna("predict", case.shared / "heads/images/s1.nii.gz", "--model", "model.safetensors", *flags, *PREPARED, "--out", "o")
    case.expect("predict takes it too", done.code == 0, done)


PREPARED = ["--preprocess", "canonical", "--size", "16x16x16"]
