"""A folder per person below images/: images/sub-1/T1.nii.gz, images/sub-2/T1.nii.gz."""

from common import head, save

REPORT = "nnUNet#729, forum trees of one folder per person"
RIGHT = "three people, or an error; never three channels of one person"


def check(case):
    for number in (1, 2, 3):
        image, labels = head(number)
        save(image, case.folder / f"data/images/sub-{number}/T1.nii.gz")
        save(labels, case.folder / f"data/labels/sub-{number}/T1.nii.gz")
    done = case.data_check("data")
    people = {scan["subject"] for scan in done.scans.values()}
    case.expect("three people or an error", len(people) == 3 or done.code in (3, 4), f"people {sorted(people)}, {done}")
