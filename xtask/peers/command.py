"""The command that is compared."""

import json
import subprocess
import sys


def lacuna(program, *words, folder=None):
    """What the command says with --json, run in a folder; its error is this script's."""
    done = subprocess.run([program, *words, "--json"], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f"lacuna {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)
