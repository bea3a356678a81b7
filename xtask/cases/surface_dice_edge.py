"""Surface Dice where the tolerance is a voxel's edge, under 32-bit spacings and turned headers."""

import nibabel as nib
import numpy as np

from common.unet import unet

REPORT = "MRBrainS18's 0.958 mm; MONAI 1.6.1 on oblique scans"
RIGHT = "a cube one voxel astray is within one voxel's edge, and a score does not change with the rotation in the header"

TABLE = 'name = "t"\nclasses = ["background", "mask"]\n\n[map]\n0 = "background"\n1 = "mask"\n'


def rotation(axis, degrees):
    turn, (i, j) = np.eye(4), [k for k in range(3) if k != axis]
    turn[i, i] = turn[j, j] = np.cos(np.radians(degrees))
    turn[i, j], turn[j, i] = -np.sin(np.radians(degrees)), np.sin(np.radians(degrees))
    return turn


def scored(case, name, prediction, truth, affine, tolerance):
    folder = case.folder / name
    voxels = (prediction + 0.2 * np.random.default_rng(0).random(prediction.shape)).astype(np.float32)
    for part, values in (("images", voxels), ("labels", truth.astype(np.uint8))):
        (folder / "data" / part).mkdir(parents=True)
        made = nib.Nifti1Image(values, affine)
        made.header.set_xyzt_units("mm")
        nib.save(made, folder / "data" / part / "a.nii.gz")
    checkpoint, plans = unet(folder, voxels)
    (folder / "table.toml").write_text(TABLE)
    words = ["--model", checkpoint, "--plans", plans, "--data", "data", "--labels", "table.toml", "--preprocess", "none"]
    done = case.lacuna("eval", *words, "--tolerance", tolerance, folder=folder)
    assert done.code == 0, done
    return done.json["scores"][0]["volume"]["classes"][1]["surface"]


def check(case):
    cube = np.zeros((12, 12, 12), int)
    cube[3:9, 3:9, 3:9] = 1
    astray = np.roll(cube, 1, 0)
    for edge in (0.958, 0.7, 0.3, 1.0):
        surface = scored(case, f"edge{edge}", astray, cube, np.diag([edge, edge, edge, 1]), edge)
        case.expect(f"one voxel of {edge} mm astray, within {edge} mm", surface["surface_dice"] == 1, surface)
        surface = scored(case, f"less{edge}", astray, cube, np.diag([edge, edge, edge, 1]), edge * 0.9)
        case.expect(f"and beyond {0.9 * edge:.2f} mm", 0.3 < surface["surface_dice"] < 0.9, surface)
    turned = rotation(2, 20) @ rotation(0, 10)
    two = np.roll(cube, (1, 2), (0, 1))
    aligned, oblique = (scored(case, name, two, cube, affine, 1.0) for name, affine in (("aligned", np.eye(4)), ("turned", turned)))
    apart = {key: abs(aligned[key] - oblique[key]) for key in aligned if isinstance(aligned[key], float)}
    case.expect("turned by 20 and 10 degrees: the same scores", apart and max(apart.values()) < 1e-4, f"{aligned} {oblique}")
