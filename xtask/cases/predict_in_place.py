"""Results in the folder of the images, then --continue."""

from common import head, save

REPORT = "LesionLocator#7, nnUNet#403"
RIGHT = "nothing is left to do: label maps and probabilities are no images"


def check(case):
    for name in ("s1", "s2"):
        save(head()[0], case.folder / f"scans/{name}.nii.gz")
    words = ["predict", "scans", "--model", case.model(), "--out", "scans", "--probabilities"]
    first = case.lacuna(*words)
    if first.code in (3, 4):
        case.refused("refused with another folder as the fix", first, "--out")
        return
    case.expect("the first call writes", first.code == 0, first)
    before = {path.name for path in (case.folder / "scans").glob("*.nii.gz")}
    again = case.lacuna(*words, "--continue")
    after = {path.name for path in (case.folder / "scans").glob("*.nii.gz")}
    case.expect("the second adds nothing", again.code == 0 and after == before, f"added {sorted(after - before)[:6]}, {again}")
