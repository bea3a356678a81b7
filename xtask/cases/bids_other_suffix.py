"""BIDS label maps under other names than `dseg`, and a derivative data set given as the root."""

from common import bids, head, save

REPORT = "data-multi-subject#141, #157, ivadomed#1202"
RIGHT = "the message names the suffix that is looked for"


def check(case):
    root = bids(case.folder / "data")
    image, labels = head()
    save(image, root / "sub-1/anat/sub-1_T1w.nii.gz")
    save(labels, root / "derivatives/labels/sub-1/anat/sub-1_T1w_label-lesion_seg.nii.gz")
    done = case.data_check(root)
    case.expect("`dseg` is named", done.says("dseg"), done)
