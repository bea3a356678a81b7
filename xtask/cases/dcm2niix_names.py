"""What dcm2niix writes beside a series: evened slices, a corrected tilt, an overlay. They are the same person."""

from common import head, plain, save

REPORT = "dcm2niix 1.0.20260724 on CT and MR series"
RIGHT = "such names are reported: they are no people of their own"


def check(case):
    root = plain(case.folder / "data", ["2_CT", "4_CT", "6_MR"])
    beside = ("2_CT_Eq_1", "4_CT_Tilt_1", "6_MR_ROI1")
    for seed, name in enumerate(beside, 10):
        for voxels, kind in zip(head(seed), ("images", "labels")):
            save(voxels, root / kind / f"{name}.nii.gz")
    done = case.data_check(root)
    for name in beside:
        case.expect(f"{name} is reported", done.says(name), done)
