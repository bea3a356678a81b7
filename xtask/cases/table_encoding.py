"""subjects.tsv in UTF-16 and in Latin-1."""

from common import plain

REPORT = "bids-validator#179, legacy-validator#1416"
RIGHT = "read, or refused with the encoding as the fix"


def check(case):
    for name, encoding, person in (("utf16", "utf-16", "anna"), ("latin1", "latin-1", "jürgen")):
        root = plain(case.folder / name)
        (root / "subjects.tsv").write_bytes(f"scan\tsubject\ns1\t{person}\ns2\tbert\ns3\tcarl\n".encode(encoding))
        done = case.data_check(root)
        case.expect(f"{name}: read, or UTF-8 as the fix", done.code == 0 or (done.code in (3, 4) and done.says("UTF-8", "fix")), done)
