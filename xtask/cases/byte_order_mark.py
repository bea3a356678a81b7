"""Texts with a UTF-8 byte order mark, as PowerShell and Notepad write them."""

from common import nnunet, plain

REPORT = "openneuro#2720 (ds004341), legacy-validator#878, nnUNet#126"
RIGHT = "read as without the mark: dataset.json, lists, tables"

MARK = b"\xef\xbb\xbf"


def marked(path):
    path.write_bytes(MARK + path.read_bytes())


def check(case):
    root = nnunet(case.folder / "nnunet")
    marked(root / "dataset.json")
    case.sound("nnU-Net's dataset.json", case.data_check(root), 2)

    entries = [{"image": f"./imagesTr/c{n}_0000.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(2)]
    index = {"labels": {"0": "background", "1": "gm", "3": "wm", "5": "csf"}, "training": entries, "modality": {"0": "T1"}}
    root = nnunet(case.folder / "msd", index | {"channel_names": None, "file_ending": None})
    marked(root / "dataset.json")
    done = case.data_check(root)
    case.expect("the Decathlon's dataset.json", done.code == 0 and len(done.scans) == 2, done)

    root = plain(case.folder / "list/M").parent
    (root / "train.txt").write_text("".join(f"M/images/s{n}.nii.gz M/labels/s{n}.nii.gz\r\n" for n in (1, 2, 3)))
    marked(root / "train.txt")
    case.sound("a list", case.data_check(root), 3)

    root = plain(case.folder / "table")
    (root / "subjects.tsv").write_text("scan\tsubject\ns1\tanna\ns2\tanna\ns3\tbert\n")
    marked(root / "subjects.tsv")
    done = case.data_check(root)
    case.expect("subjects.tsv", {scan["subject"] for scan in done.scans.values()} == {"anna", "bert"}, done)
