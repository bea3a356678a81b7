"""--redact, and a folder that is yet to be made whose name names a person."""

from common import plain

REPORT = "docs/requests.md: files and paths are pseudonyms"
RIGHT = "the name is printed nowhere"


def check(case):
    plain(case.folder / "heads")
    case.lacuna("ledger", "request", "--subject", "a", "--ledger", "l.db")
    for words in (
        ["data", "export", "heads", "--to", "list", "--labels", "tissue", "--out", "anna-schmidt"],
        ["ledger", "export", "--ledger", "l.db", "--out", "anna-schmidt-ledger"],
    ):
        done = case.lacuna("--redact", *words, json=False)
        case.expect(f"{words[0]} {words[1]}: done", done.code == 0, done)
        case.expect(f"{words[0]} {words[1]}: no name", not done.says("anna"), done)
