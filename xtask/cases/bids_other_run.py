"""BIDS: an image of one run or acquisition, label maps of another one alone."""

from common import bids, head, save

REPORT = "fmriprep#2227, smriprep#224"
RIGHT = "a label map belongs to the image whose entities it has, and to no other"


def check(case):
    for kind, here, other in (("runs", "run-1", "run-2"), ("acquisitions", "acq-low", "acq-high")):
        root = bids(case.folder / kind)
        for person in range(3):
            stem, anat = f"sub-{person}_ses-01", f"sub-{person}/ses-01/anat"
            for number, entity in enumerate((here, other)):
                save(head(person + 10 * number)[0], root / anat / f"{stem}_{entity}_T1w.nii.gz")
            save(head(person)[1], root / "derivatives/smriprep" / anat / f"{stem}_{here}_dseg.nii.gz")
        case.sound(f"{kind}: label maps of {here} are those of its images", case.data_check(root, "--channels", f"{here}_T1w"), 3)
        done = case.data_check(root, "--channels", f"{other}_T1w")
        paired = [name for name, scan in done.scans.items() if scan.get("label_counts")]
        case.expect(f"{kind}: images of {other} have no label map", not paired, f"paired {paired}, {done}")
        case.expect(f"{kind}: and that is reported", done.code != 0 or done.problems, done)
