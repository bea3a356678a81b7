"""A v2 dataset.json with labels the wrong way round, numbers as texts, and paths with backslashes."""

from common import nnunet

REPORT = "nnUNet#2762, #1456, and indices made on Windows"
RIGHT = "numbers as texts are read, as nnU-Net's label manager reads them; the others are refused with the way to write them"


def check(case):
    index = {"labels": {"0": "background", "1": "gm", "3": "wm", "5": "csf"}}
    done = case.data_check(nnunet(case.folder / "reversed", index))
    case.refused("labels the wrong way round", done, "label")
    case.expect("in words of the file's own format", not done.says("untagged enum"), done)

    index = {"labels": {"background": "0", "gm": "1", "wm": "3", "csf": "5"}, "numTraining": "2"}
    done = case.data_check(nnunet(case.folder / "texts", index))
    read = done.code == 0 and len(done.scans) == 2
    reported = done.code in (3, 4) and not done.says_any("untagged enum", "expected usize")
    case.expect("numbers as texts", read or reported, done)

    entries = [{"image": f"imagesTr\\c{n}_0000.nii.gz", "label": f"labelsTr\\c{n}.nii.gz"} for n in range(2)]
    index = {"labels": {"0": "background", "1": "gm", "3": "wm", "5": "csf"}, "training": entries, "modality": {"0": "T1"}}
    done = case.data_check(nnunet(case.folder / "back", index | {"channel_names": None, "file_ending": None}))
    read = done.code == 0 and len(done.scans) == 2
    case.expect("backslashes are read, or / is the fix", read or done.says_any("backslash", "with /", "write /"), done)
