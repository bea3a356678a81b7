"""fMRIPrep's outputs: the label map without entities beside one with `desc-aseg`."""

from common import bids, head, save

REPORT = "fmriprep#2148, #2642, #3511"
RIGHT = "each of the two sets of label maps can be chosen by the name under which it is listed"


def check(case):
    root = bids(case.folder / "data")
    for person in range(2):
        image, labels = head(person)
        sub = f"sub-{person}"
        save(image, root / sub / "anat" / f"{sub}_T1w.nii.gz")
        for entities, factor in (("", 1), ("desc-aseg_", 7)):
            save(labels * factor, root / "derivatives/fmriprep" / sub / "anat" / f"{sub}_{entities}dseg.nii.gz")
    case.refused("without a choice it is an error that lists both", case.data_check(root), "fmriprep", "desc-aseg", "--derivative")
    for chosen, largest in (("fmriprep", "5"), ("fmriprep/desc-aseg", "35")):
        done = case.data_check(root, "--derivative", chosen)
        case.sound(f"{chosen} is read", done, 2)
        values = {max(scan["label_counts"], key=int) for scan in done.scans.values() if scan["label_counts"]}
        case.expect(f"{chosen} is its own label maps", values == {largest}, f"largest values {values}, {done}")
