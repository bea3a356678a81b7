"""Words of the command line and files whose names are not UTF-8."""

import os
import subprocess

REPORT = "file trees from other systems, dolly#139"
RIGHT = "code 2, 3 or 4; no panic, and with --redact no part of the name"


def check(case):
    for words in ([b"inspect", b"x\xff.nii"], [b"data", b"check", b"x\xff"], [b"--redact", b"inspect", b"anna\xff.nii"], [b"trace", b"anna", b"--root", b"x\xff"]):
        process = subprocess.run([os.fsencode(case.program), *words], capture_output=True, cwd=case.folder)
        printed = process.stdout + process.stderr
        what = b" ".join(words).decode(errors="replace")
        case.expect(f"`{what}` is refused", process.returncode in (2, 3, 4), f"exit {process.returncode}: {printed[:300]}")
        case.expect("no panic", b"panicked" not in printed and b"internal" not in printed, printed[:300])
        if b"--redact" in words:
            case.expect("no part of the name", b"anna" not in printed, printed[:300])
