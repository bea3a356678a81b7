"""An export onto a disk that is full at its beginning, within the first scan, between scans and at the index."""

from common import plain
from common.disk import small_disk

REPORT = "fmriprep#1291, SCT#603"
RIGHT = "the error names the file and the fix, nothing half written stays, and the same command works once there is room"


def left(folder):
    """Files that an export left, its own register apart."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".lacuna" not in path.parts)


def check(case):
    root = plain(case.folder / "data", dims=(40, 40, 32))
    starved = 0
    for layout in ("plain", "msd", "bids"):
        for kilobytes in (4, 32, 128, 256, 384):
            place = f"{layout}, {kilobytes} kB"
            with small_disk(case, case.folder / "disk", kilobytes) as disk:
                words = ["data", "export", root, "--to", layout, "--channels", "T1w", "--out", "disk/out"]
                for time in ("once", "again"):
                    done = case.lacuna(*words)
                    if done.code == 0:
                        break
                    starved += time == "once"
                    right = done.code == 75 and done.says("fix:") and not done.panicked
                    case.expect(f"{place}: it is refused {time}", right, done)
                    case.expect(f"{place}: nothing stays {time}", left(disk.folder) == [], left(disk.folder))
                else:
                    disk.grow(8192)
                    done = case.lacuna(*words)
                    case.expect(f"{place}: it works once there is room", done.code == 0, done)
                case.sound(f"{place}: and is whole", case.data_check(disk.folder / "out"), scans=3)
    case.expect("most of these disks are too small", starved >= 9, starved)
