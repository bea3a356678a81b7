"""Make PyTorch files that nobody's `torch.save` writes, and ask lacuna for each.

    python xtask/peers/crafted.py LACUNA FOLDER
    python xtask/peers/accepts.py LACUNA FOLDER

The first leaves the files and verdicts.csv in FOLDER, the second asks `torch.load(weights_only=True)` and says where the two
disagree. Nothing here is loaded without `weights_only`.
"""

import collections
import csv
import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import torch

ONES = {"w": torch.arange(6.0).reshape(2, 3)}


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def rezipped(change, value=None, kind=zipfile.ZIP_STORED):
    """A saved file whose entries, names and bytes in order, went through `change`; all checksums are right."""
    with zipfile.ZipFile(io.BytesIO(saved(ONES if value is None else value))) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in change(entries):
            archive.writestr(name, data)
    return buffer.getvalue()


def entry(ending, change):
    """The entry whose name ends so with other bytes, or without it for None."""

    def all_of(entries):
        changed = [(name, change(data) if name.endswith(ending) else data) for name, data in entries]
        return [(name, data) for name, data in changed if data is not None]

    return lambda: rezipped(all_of)


def program(code):
    """The same archive with a pickle of ours."""
    return entry("data.pkl", lambda _: code)


class Rebuilt:
    """A tensor whose parts are said by hand."""

    def __init__(self, offset, size, stride, rest=(False, collections.OrderedDict())):
        self.said = (torch.arange(6.0).untyped_storage(), offset, size, stride, *rest)

    def __reduce__(self):
        storage, *said = self.said
        return torch._utils._rebuild_tensor_v2, (torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True), *said)


class Calls:
    def __init__(self, function, *arguments):
        self.said = (function, arguments)

    def __reduce__(self):
        return self.said


def rebuilt(*said, **options):
    return lambda: saved({"w": Rebuilt(*said)}, **options)


def of(value, **options):
    return lambda: saved(value() if callable(value) else value, **options)


def itself():
    around = dict(ONES)
    around["self"] = around
    return around


def nested(depth):
    inner = []
    for _ in range(depth):
        inner = [inner]
    return {**ONES, "deep": inner}


def scripted():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


LEGACY = {"_use_new_zipfile_serialization": False}
FILES = {
    # The archive.
    "whole": of(ONES),
    "deflated": lambda: rezipped(lambda entries: entries, kind=zipfile.ZIP_DEFLATED),
    "entries-backwards": lambda: rezipped(lambda entries: entries[::-1]),
    "storage-twice": lambda: rezipped(lambda entries: entries + [e for e in entries if "/data/0" in e[0]]),
    "pickle-twice": lambda: rezipped(lambda entries: entries + [e for e in entries if e[0].endswith("data.pkl")]),
    "storage-elsewhere": lambda: rezipped(lambda entries: [(n.replace("/data/", "/../data/"), d) for n, d in entries]),
    "no-folder": lambda: rezipped(lambda entries: [(n.split("/", 1)[1], d) for n, d in entries]),
    "two-folders": lambda: rezipped(lambda entries: entries + [("other/data.pkl", b"N.")]),
    "storage-short": entry("data/0", lambda data: data[:-4]),
    "storage-long": entry("data/0", lambda data: data + bytes(4)),
    "storage-missing": entry("data/0", lambda _: None),
    "version-missing": entry("/version", lambda _: None),
    "version-99": entry("/version", lambda _: b"99\n"),
    "byteorder-missing": entry("byteorder", lambda _: None),
    "byteorder-big": entry("byteorder", lambda _: b"big"),
    "byteorder-none": entry("byteorder", lambda _: b"none"),
    "pickle-missing": entry("data.pkl", lambda _: None),
    "junk-before": lambda: b"junk" + saved(ONES),
    "junk-after": lambda: saved(ONES) + b"junk",
    # The pickle.
    "pickle-empty": program(b""),
    "pickle-without-stop": program(b"\x80\x02}q\x00"),
    "pickle-after-stop": entry("data.pkl", lambda data: data + b"junk"),
    "memo-unknown": program(b"\x80\x02h\x07."),
    "stack-empty": program(b"\x80\x02."),
    "mark-missing": program(b"\x80\x02}u."),
    "calls-system": of(lambda: {**ONES, "x": Calls(os.system, "true")}),
    "calls-eval": of(lambda: {**ONES, "x": Calls(eval, "1")}),
    "calls-getattr": of(lambda: {**ONES, "x": Calls(getattr, torch.ones(1), "shape")}),
    "calls-is-all": of(lambda: Calls(os.system, "true")),
    "holds-itself": of(itself),
    "nested-500": of(lambda: nested(400)),
    **{f"protocol-{number}": of(ONES, pickle_protocol=number) for number in range(6)},
    # What is no state dict, and what lies beside one.
    "tensor-alone": of(torch.ones(2)),
    "list-of-tensors": of([torch.ones(2)]),
    "name-is-a-number": of({1: torch.ones(2)}),
    "name-is-empty": of({"": torch.ones(2)}),
    "beside-torch-values": of({**ONES, "size": torch.Size([1]), "dtype": torch.float16, "device": torch.device("cpu")}),
    "beside-a-set": of({**ONES, "set": {1, 2}}),
    "beside-bytes": of({**ONES, "bytes": b"x"}),
    "module": of(lambda: torch.nn.Linear(2, 2)),
    "torchscript": scripted,
    # The tensors.
    "parameter": of({"w": torch.nn.Parameter(torch.ones(2))}),
    "requires-gradient": of({"w": torch.ones(2, requires_grad=True)}),
    "overlapping": rebuilt(0, (2, 3), (0, 1)),
    "offset-at-end": rebuilt(6, (0,), (1,)),
    "offset-beyond": rebuilt(6, (1,), (1,)),
    "offset-negative": rebuilt(-1, (1,), (1,)),
    "stride-negative": rebuilt(5, (6,), (-1,)),
    "stride-beyond": rebuilt(0, (2, 3), (4, 1)),
    "stride-missing": rebuilt(0, (2, 3), (3,)),
    "size-negative": rebuilt(0, (-1,), (1,)),
    "size-huge": rebuilt(0, (2**40,), (1,)),
    "size-overflows": rebuilt(0, (2**32, 2**32), (1, 1)),
    "size-huge-and-empty": rebuilt(0, (2**40, 0), (1, 1)),
    "size-huge-of-one": rebuilt(0, (2**40,), (0,)),
    "size-is-text": rebuilt(0, ("2",), (1,)),
    **{
        f"of-{str(kind).removeprefix('torch.')}": of(lambda kind=kind: {"w": torch.ones(4).to(kind)})
        for kind in (torch.complex64, torch.uint16, torch.float8_e4m3fn, torch.bfloat16, torch.bool)
    },
    "sparse": of({"w": torch.eye(2).to_sparse()}),
    "meta": of({"w": torch.empty(2, device="meta")}),
    "quantised": of(lambda: {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}),
    # The layout before 1.6.
    "legacy": of(ONES, **LEGACY),
    "legacy-cut": lambda: saved(ONES, **LEGACY)[:-4],
    "legacy-longer": lambda: saved(ONES, **LEGACY) + bytes(4),
    "legacy-other-magic": lambda: saved(ONES, **LEGACY).replace((0x1950A86A20F9469CFC6C).to_bytes(10, "little"), bytes(10)),
    "legacy-big-endian": lambda: saved(ONES, **LEGACY).replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"),
    "legacy-offset-beyond": rebuilt(6, (1,), (1,), **LEGACY),
    "legacy-calls-system": of(lambda: {**ONES, "x": Calls(os.system, "true")}, **LEGACY),
    "pickle-alone": lambda: pickle.dumps({"w": [1.0]}),
    "empty-file": lambda: b"",
}


def main():
    lacuna, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "verdicts.csv", "w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file", "parser", "accepted"])
        for name, make in FILES.items():
            path = folder / f"{name}.pth"
            path.write_bytes(make())
            ran = subprocess.run([lacuna, "inspect", path], capture_output=True, check=False)
            if ran.returncode not in (0, 4):
                raise SystemExit(f"{name}: expected to be read or refused, found code {ran.returncode}: {ran.stderr}")
            rows.writerow([path.name, "torch", str(ran.returncode == 0).lower()])
    print(f"{len(FILES)} files")


if __name__ == "__main__":
    main()
