"""The BIDS validator on what `lacuna data export --to bids` writes: root, root with derivatives, the derivative alone.

    python bids.py LACUNA FOLDER

Three data sets: one scan a person, two sessions a person, two channels. No error is allowed, and every file must have been
looked at, since a validator that passes over a folder finds nothing either. Prints one JSON object.
"""

import json
import os
import shutil
import subprocess
import sys

from command import lacuna


def validated(root, *words):
    validator = os.path.join(os.path.dirname(sys.executable), "bids-validator-deno")
    done = subprocess.run([validator, root, "--format", "json", *words], capture_output=True, text=True)
    result = json.loads(done.stdout)
    parts = {"root": result, **result.get("derivativesSummary", {})}
    errors = [(part, issue["code"], issue.get("location")) for part, found in parts.items() for issue in found["issues"]["issues"] if issue["severity"] == "error"]
    if done.returncode or errors:
        sys.exit(f"{root} {words}: exit code {done.returncode}, {errors}")
    return parts


def files_below(folder, without=()):
    """What is to be looked at: every file that is not hidden and not in .bidsignore, outside the folders `without`."""
    ignore = os.path.join(folder, ".bidsignore")
    ignored = open(ignore).read().split() if os.path.exists(ignore) else []
    count = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in without and not name.startswith(".")]
        count += sum(not name.startswith(".") and name not in ignored for name in files)
    return count


def main():
    program, folder = sys.argv[1:]
    run = lambda *words: lacuna(program, *words, folder=folder)
    run("phantom", "--out", "heads", "--subjects", "4", "--dims", "16x18x12")
    run("phantom", "--out", "three", "--subjects", "2", "--grid", "mrbrains", "--dims", "24x24x12")
    shutil.copytree(os.path.join(folder, "heads"), os.path.join(folder, "twice"))
    with open(os.path.join(folder, "twice", "subjects.tsv"), "w") as file:
        file.write("scan\tsubject\n" + "".join(f"phantom-00{scan}\tperson{scan // 2}\n" for scan in range(4)))
    exports = {"scans": ["heads", "--channels", "T1w"], "sessions": ["twice", "--channels", "T1w"], "channels": ["three"]}
    figures = {}
    for name, words in exports.items():
        root = os.path.join(folder, name)
        run("data", "export", *words, "--labels", "tissue", "--to", "bids", "--out", name)
        alone = validated(root)["root"]["summary"]["totalFiles"]
        parts = validated(root, "--recursive")
        derivatives = {part: found["summary"]["totalFiles"] for part, found in parts.items() if part != "root"}
        expected = files_below(root, without=("derivatives",))
        pipelines = sorted(os.listdir(os.path.join(root, "derivatives")))
        below = {f"/derivatives/{pipeline}/": files_below(os.path.join(root, "derivatives", pipeline)) for pipeline in pipelines}
        by_itself = {pipeline: validated(os.path.join(root, "derivatives", pipeline))["root"]["summary"]["totalFiles"] for pipeline in pipelines}
        figures[name] = {"files": alone, "files_there": expected, "derivatives": derivatives, "derivatives_there": below, "alone": by_itself, "errors": 0}
        if alone != expected or derivatives != below or sum(by_itself.values()) != sum(below.values()):
            sys.exit(f"{name}: not every file was looked at: {figures[name]}")
    print(json.dumps(figures))


main()
