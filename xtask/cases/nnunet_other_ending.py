"""nnU-Net: a case as .nii where dataset.json says .nii.gz."""

from common import head, nnunet, save

REPORT = "nnUNet#637"
RIGHT = "the case is reported, also where numTraining happens to fit"


def check(case):
    root = nnunet(case.folder / "data", cases=2)
    save(head(5)[0], root / "imagesTr/late_0000.nii")
    save(head(5)[1], root / "labelsTr/late.nii")
    done = case.data_check(root)
    case.expect("late is reported", done.says("late"), done)
