"""A ledger whose last events were taken away with the database alone; then it is to be exported and asked."""

import sqlite3

REPORT = "a database changed by a person who has the file and not the keys"
RIGHT = "verify ends with 7, and so does export: nothing is signed that does not verify"


def check(case):
    done = case.lacuna("ledger", "request", "--subject", "anna", "--ledger", "l.db")
    case.expect("a request", done.code == 0, done)
    done = case.lacuna("ledger", "accept", done.json["request"], "--ledger", "l.db")
    case.expect("accepted", done.code == 0, done)
    case.expect("it verifies", case.lacuna("ledger", "verify", "--ledger", "l.db").code == 0)
    database = sqlite3.connect(case.folder / "l.db")
    triggers = database.execute("select name, sql from sqlite_schema where type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"drop trigger {name}")
    database.execute("delete from events where sequence = (select max(sequence) from events)")
    for _, sql in triggers:
        database.execute(sql)
    database.commit()
    database.close()
    for verb in (["verify"], ["export", "--out", "e"]):
        done = case.lacuna("ledger", *verb, "--ledger", "l.db")
        case.expect(f"ledger {verb[0]} ends with 7", done.code == 7, done)
