"""NIfTI-2 in, read by nibabel and not by ITK: results must be readable by both."""

import nibabel as nib

from common import head, save

REPORT = "nnUNet 2.8.1 on NIfTI-2, ITK"
RIGHT = "label maps and exports are NIfTI-1 wherever the sizes fit"
NEEDS = ["SimpleITK"]


def check(case):
    import SimpleITK as sitk

    for voxels, kind in zip(head(), ("images", "labels")):
        save(voxels, case.folder / f"data/{kind}/a.nii.gz", kind=nib.Nifti2Image)
    done = [
        case.lacuna("predict", "data/images/a.nii.gz", "--model", case.model(), "--out", "o"),
        case.lacuna("data", "export", "data", "--to", "nnunet", "--out", "e"),
    ]
    case.expect("written", [one.code for one in done] == [0, 0], " ".join(map(str, done)))
    for folder in "oe":
        for path in sorted((case.folder / folder).rglob("*.nii.gz")):
            try:
                size = sitk.ReadImage(str(path)).GetSize()
            except RuntimeError as error:
                size = str(error)[-80:]
            case.expect(f"SimpleITK reads {path.name}", size == (16, 18, 12), size)
