"""A .pth written with torch.serialization.set_crc32_options(False): every checksum is 0."""

import numpy as np

from common import torch_file

REPORT = "PyTorch 2.15.0's own option"
RIGHT = "read, or refused with that option named; there is no advice to download it again"


def check(case):
    state = {"conv1.weight": torch_file.Tensor(np.arange(108, dtype=np.float32).reshape(4, 1, 3, 3, 3))}
    path = torch_file.without_checksums(torch_file.save(state, case.folder / "a.pth"))
    done = case.lacuna("inspect", path)
    case.expect("read, or the option is named", done.code == 0 or done.says_any("set_crc32_options", "without checksums"), done)
    case.expect("there is no advice to download it again", not done.says("download"), done)
    # One checksum that is 0 among true ones is damage.
    torch_file.save(state, path)
    whole = path.read_bytes()
    place = whole.index(b"archive/data/0") - 30 + 14
    path.write_bytes(whole[:place] + bytes(4) + whole[place + 4 :].replace(whole[place : place + 4], bytes(4)))
    done = case.lacuna("convert", path)
    case.expect("one checksum of 0 among others is refused", done.code in (3, 4), done)
