"""PyTorch files as torch.save writes them, without torch: a zip of a pickle and of storages.

The cases that need a field which torch's own calls hardly set (the negative bit, checksums of 0) or that must run where
torch is not installed are written by this.
"""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

# Where torch keeps what a state dict's pickle names.
STORAGES = {"float32": "FloatStorage", "int64": "LongStorage"}


class Storage:
    def __init__(self, values):
        self.values = np.ascontiguousarray(values)


class Tensor:
    """A tensor of an array's values; `metadata` is the seventh argument of its rebuilding."""

    def __init__(self, values, metadata=None):
        self.storage, self.shape = Storage(values), np.shape(values)
        self.metadata = [] if metadata is None else [metadata]

    def __reduce__(self):
        strides = tuple(int(np.prod(self.shape[axis + 1 :])) for axis in range(len(self.shape)))
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, 0, tuple(self.shape), strides, False, OrderedDict(), *self.metadata)


class Pickler(pickle.Pickler):
    def __init__(self, to):
        super().__init__(to, protocol=2)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages.append(value)
        kind = getattr(sys.modules["torch"], STORAGES[value.values.dtype.name])
        return "storage", kind, str(len(self.storages) - 1), "cpu", value.values.size


def save(state, path, compression=zipfile.ZIP_STORED):
    """Write dictionaries, numbers, texts and `Tensor`s as torch.save does."""
    stubs = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
    for name in STORAGES.values():
        setattr(stubs["torch"], name, type(name, (), {"__module__": "torch"}))
    rebuild = types.FunctionType((lambda: None).__code__, {}, "_rebuild_tensor_v2")
    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    stubs["torch._utils"]._rebuild_tensor_v2 = rebuild
    kept = {name: sys.modules.get(name) for name in stubs}
    sys.modules.update(stubs)
    try:
        text = io.BytesIO()
        pickler = Pickler(text)
        pickler.dump(state)
    finally:
        for name, module in kept.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", text.getvalue())
        archive.writestr("archive/byteorder", "little")
        for number, storage in enumerate(pickler.storages):
            archive.writestr(f"archive/data/{number}", storage.values.tobytes())
        archive.writestr("archive/version", "3\n")
    return path


def without_checksums(path):
    """Set every checksum to 0, as `torch.serialization.set_crc32_options(False)` does."""
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = data.find(signature)
        while at >= 0:
            data[at + place : at + place + 4] = bytes(4)
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    return path
