"""Runs one case: python run.py NAME LACUNA FOLDER SHARED. Prints what was found as one line of JSON.

A case is a module of the folder above with a docstring and

    REPORT   the public reports that it is rebuilt from
    RIGHT    what is right, in a line
    NEEDS    packages beside nibabel and numpy (optional)
    OPEN     why it is known not to hold (optional; it fails once it holds)
    check(case)
"""

import importlib
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]


def main():
    name, program, folder, shared = sys.argv[1:]
    found = {"missing": [], "checks": [], "error": None, "open": None}
    # The text of a module is read before it is run: what it imports may be missing.
    constants = constants_of(HERE.parent / f"{name}.py")
    found.update(report=constants["REPORT"], right=constants["RIGHT"], open=constants.get("OPEN"))
    needs = ["nibabel", "numpy", *constants.get("NEEDS", [])]
    found["missing"] = [module for module in needs if importlib.util.find_spec(module) is None]
    if not found["missing"]:
        from common import Case, Skipped

        case = Case(program, Path(folder), Path(shared))
        os.chdir(folder)
        try:
            importlib.import_module(name).check(case)
        except Skipped as need:
            found["missing"] = [str(need)]
        except Exception:
            found["error"] = " | ".join(traceback.format_exc().strip().splitlines()[-3:])
        found["checks"] = case.checks
    print(json.dumps(found))


def constants_of(path):
    import ast

    constants = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                constants[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                pass
    return constants


# A tool that starts processes of its own imports this file again.
if __name__ == "__main__":
    main()
