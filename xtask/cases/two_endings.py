"""One name as .nii and as .nii.gz, with other contents."""

from common import bids, head, plain, save

REPORT = "bids legacy-validator#376, #449"
RIGHT = "an error that names the file: neither is chosen in silence"


def check(case):
    root = plain(case.folder / "plain")
    labels = head(0)[1]
    save(labels * (labels != 3), root / "labels/s1.nii")
    case.refused("a label map twice, plain", case.data_check(root, "--labels", "tissue"), "s1", "twice")

    root = bids(case.folder / "bids")
    for person in range(2):
        image, labels = head(person)
        save(image, root / f"sub-{person}/anat/sub-{person}_T1w.nii.gz")
        save(labels, root / f"derivatives/m/sub-{person}/anat/sub-{person}_dseg.nii.gz")
    extra = save(image + 1000, root / "sub-1/anat/sub-1_T1w.nii")
    case.refused("an image twice, BIDS", case.data_check(root), "sub-1", "twice")
    extra.unlink()
    save(labels * 0 + 1, root / "derivatives/m/sub-1/anat/sub-1_dseg.nii")
    case.refused("a label map twice, BIDS", case.data_check(root), "sub-1", "twice")
