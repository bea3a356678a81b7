"""A safetensors file whose header has 19280 bytes, so that the file begins with the letters PK, as a zip does."""

import struct

REPORT = "safetensors 0.8.0; one length of a header in 8192"
RIGHT = "read as safetensors"
NEEDS = ["safetensors"]


def check(case):
    from safetensors.numpy import load_file

    data = case.model().read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = data[8 : 8 + length].rstrip()
    plain = case.lacuna("convert", case.model())
    for wanted in (0x4B50, 0x4B50 + 0x10000):
        path = case.folder / f"{wanted}.safetensors"
        path.write_bytes(struct.pack("<Q", wanted) + header.ljust(wanted) + data[8 + length :])
        case.expect("safetensors reads it", len(load_file(path)) > 50, path.name)
        for verb in ("inspect", "convert"):
            done = case.lacuna(verb, path)
            case.expect(f"{verb} of a header of {wanted} bytes", done.code == 0, done)
        digest = done.json.get("forward", {}).get("digest")
        case.expect("the same network", digest == plain.json["forward"]["digest"], digest)
