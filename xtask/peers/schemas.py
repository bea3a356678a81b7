"""The files under studies/ and audits/ against the published JSON Schemas, by a validator that is not ours.

    python schemas.py LACUNA FOLDER

Also: files with one mistake each are refused. Prints one JSON object of figures, and fails if one is out of bounds.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft7Validator

MISTAKES = (
    ("study", "unknown key", lambda file: file.update(epochz=3)),
    ("study", "unknown key of a table", lambda file: file["train"].update(epoch=3)),
    ("study", "text for a number", lambda file: file["train"].update(epochs="many")),
    ("study", "unknown preprocessing", lambda file: file["preprocess"].update(kind="magic")),
    ("study", "unknown key of a recipe", lambda file: file.setdefault("unlearn", {}).update(recipe={"learn_noize": True})),
    ("study", "missing data", lambda file: file.pop("data")),
    ("audit", "unknown statistic", lambda file: file.update(protocol={"primary": "luck"})),
    ("audit", "a bank of its own", lambda file: file.update(references={"seeds": [1]})),
)


def schema(program, name):
    return Draft7Validator(json.loads(subprocess.run([program, "schema", name], capture_output=True, text=True, check=True).stdout))


def main():
    program = sys.argv[1]
    root = Path(__file__).parents[2]
    checked = 0
    first = {}
    for name, folder in (("study", "studies"), ("audit", "audits")):
        validator = schema(program, name)
        Draft7Validator.check_schema(validator.schema)
        for path in sorted((root / folder).glob("*.toml")):
            file = tomllib.loads(path.read_text())
            faults = [f"{list(fault.absolute_path)}: {fault.message}" for fault in validator.iter_errors(file)]
            assert not faults, (path, faults)
            checked += 1
            if "train" in file:
                first.setdefault(name, path)
    for name, what, spoil in MISTAKES:
        file = tomllib.loads(first[name].read_text())
        spoil(file)
        assert not schema(program, name).is_valid(file), what
    for name in ("train", "recipe", "labels"):
        Draft7Validator.check_schema(schema(program, name).schema)
    assert schema(program, "recipe").is_valid({"learn_noise": True, "noise": "background", "learning_rate": 5e-3})
    print(json.dumps({"files": checked, "mistakes_found": len(MISTAKES)}))


main()
