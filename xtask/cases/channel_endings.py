"""Channel folders: one channel as .nii.gz, the other as .nii; and a scan that the first folder lacks."""

from common import head, save

REPORT = "DeepReg#230, brainlife/warehouse#235"
RIGHT = "endings may differ between channels; a scan without one of its channels is reported"


def check(case):
    for number in (1, 2, 3):
        image, labels = head(number)
        if number < 3:
            save(image, case.folder / f"endings/images/FLAIR/s{number}.nii.gz")
            save(image * 2, case.folder / f"endings/images/T1/s{number}.nii")
            save(labels, case.folder / f"endings/labels/s{number}.nii.gz")
            save(image, case.folder / f"more/images/FLAIR/s{number}.nii.gz")
            save(labels, case.folder / f"more/labels/s{number}.nii.gz")
        save(image * 2, case.folder / f"more/images/T1/s{number}.nii.gz")
    case.sound("two scans of two endings", case.data_check("endings"), 2)
    done = case.data_check("more")
    case.expect("s3, which lacks FLAIR, is reported", done.says("s3"), done)
