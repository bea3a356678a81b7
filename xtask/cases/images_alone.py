"""The way from DICOM that docs/data.md states: a folder `images` and no labels yet."""

from common import head, save

REPORT = "docs/data.md, DICOM"
RIGHT = "read as images for prediction, with a word on the missing labels"


def check(case):
    save(head()[0], case.folder / "scans/images/anna-2021.nii.gz")
    done = case.data_check("scans")
    case.expect("no error", done.code == 0 and list(done.scans) == ["anna-2021"], done)
    case.expect("missing labels are reported", [p["fault"] for p in done.problems] == ["no-labels"], done)
