"""A .pth that is a Git LFS pointer, and one that is a web page."""

REPORT = "nnUNet#3011's readers, downloads from model hubs and drives"
RIGHT = "reported as a text file: a pointer, a web page"

TEXTS = {
    "pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 185000000\n",
    "page": "<!DOCTYPE html>\n<html><head><title>Drive</title></head><body>Too many requests</body></html>\n",
}


WORDS = {"pointer": ("pointer", "LFS"), "page": ("page", "HTML")}


def check(case):
    for name, text in TEXTS.items():
        for ending in ("pth", "safetensors"):
            (case.folder / f"a.{ending}").write_text(text)
            done = case.lacuna("convert", f"a.{ending}")
            case.expect(f"a {name} called .{ending} is reported", done.code in (3, 4) and done.says_any(*WORDS[name]), done)
