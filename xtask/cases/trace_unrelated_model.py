"""A model of others, in whose 58 MB of weights the bytes of any short id occur by chance."""

import json
import struct

import numpy as np

REPORT = "ids of two and three letters, as in any lab's table"
RIGHT = "a model that its lineage says never saw the person is not listed for deletion, and stays"


def check(case):
    run = case.folder / "runs/train/20260101-000000-others"
    run.mkdir(parents=True)
    weights = np.random.default_rng(0).normal(0, 0.05, 14_500_000).astype("<f4").tobytes()
    header = json.dumps({"w": {"dtype": "F32", "shape": [14_500_000], "data_offsets": [0, len(weights)]}}).encode()
    model = run / "model.safetensors"
    model.write_bytes(struct.pack("<Q", len(header)) + header + weights)
    (run / "run.json").write_text('{"schema": "lacuna.run/1"}')
    lineage = {"schema": "lacuna.lineage/1", "model": "00", "trained": ["anna-1", "bert-2"], "erasures": []}
    (run / "lineage.json").write_text(json.dumps(lineage))
    for person in ("01", "bob", "P01"):
        done = case.lacuna("trace", person)
        listed = [file for file in done.json.get("files", []) if file.get("purge") not in (None, "keep")]
        case.expect(f"nothing is to be deleted for {person}", done.code in (0, 6) and not listed, f"{listed} {done}")
        case.lacuna("trace", person, "--purge")
        case.expect("the model stays", model.exists(), model)
