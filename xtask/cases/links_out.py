"""A Decathlon data set whose files are links out of the folder, as annexes keep them."""

from common import nnunet, plain

REPORT = "nnUNet#1430, datalad annexes"
RIGHT = "read, or refused with the word link"


def check(case):
    plain(case.folder / "store")
    entry = {"image": "./imagesTr/x.nii.gz", "label": "./labelsTr/x.nii.gz"}
    index = {"labels": {"0": "background", "1": "gm", "3": "wm", "5": "csf"}, "training": [entry], "numTraining": 1}
    root = nnunet(case.folder / "data", index | {"modality": {"0": "T1"}, "channel_names": None, "file_ending": None}, cases=0)
    for part, of in (("imagesTr", "images"), ("labelsTr", "labels")):
        (root / part).mkdir()
        (root / part / "x.nii.gz").symlink_to(f"../../store/{of}/s1.nii.gz")
    done = case.data_check(root)
    case.expect("read, or a link is named", (done.code == 0 and "x" in done.scans) or done.says("link"), done)
