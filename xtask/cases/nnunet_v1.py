"""nnU-Net's first version: `modality`, and entries without the `_0000` that the files have."""

from common import nnunet

REPORT = "nnUNet#729, #946, #231"
RIGHT = "reported that it is nnU-Net's first version"


def check(case):
    entries = [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(2)]
    for channels in (1, 2):
        index = {
            "labels": {"0": "background", "1": "gm", "3": "wm", "5": "csf"},
            "modality": {str(channel): f"T{channel}" for channel in range(channels)},
            "training": entries, "channel_names": None, "file_ending": None,
        }
        done = case.data_check(nnunet(case.folder / f"data{channels}", index, channels=channels))
        read = done.code == 0 and len(done.scans) == 2
        case.expect(f"{channels} channels: read, or reported as the first version", read or done.says_any("first version", "nnU-Net v1", "nnU-Net 1"), done)
        case.expect("there is no advice to split 4-D files", not done.says("4-D"), done)
