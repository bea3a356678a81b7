"""A file system that is full: a small tmpfs, where it can be mounted."""

import contextlib
import subprocess


class SmallDisk:
    """A mounted file system of so many kB."""

    def __init__(self, folder):
        self.folder = folder

    def grow(self, kilobytes):
        mount(self.folder, f"remount,size={kilobytes}k")


def mount(folder, options):
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def small_disk(case, folder, kilobytes):
    """Mount one below the case's folder; without the right to, the case is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        mounted = mount(folder, f"size={kilobytes}k")
    except OSError:
        mounted = False
    if not mounted:
        case.skip("a file system of its own (mount as root)")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
