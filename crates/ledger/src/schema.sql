-- One table is the truth; the views (views.sql) are for people with a SQL shell. `lacuna ledger verify` compares this schema, so a
-- dropped trigger is seen too.

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    at       TEXT NOT NULL,
    payload  TEXT NOT NULL CHECK (json_valid(payload)),
    salt     BLOB NOT NULL CHECK (length(salt) = 16),
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX events_by_request ON events (payload ->> '$.request');
CREATE INDEX events_by_subject ON events (payload ->> '$.subject');
CREATE INDEX events_by_kind ON events (payload ->> '$.kind');

-- The last event's hash under a key that is not in this database.
CREATE TABLE seal (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    mac  BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;

CREATE TRIGGER events_follow_each_other BEFORE INSERT ON events
WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM events)
  OR NEW.previous IS NOT coalesce((SELECT hash FROM events ORDER BY sequence DESC LIMIT 1), zeroblob(32))
BEGIN SELECT RAISE(ABORT, 'an event follows the last one'); END;

CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

CREATE TRIGGER seal_stays BEFORE DELETE ON seal
BEGIN SELECT RAISE(ABORT, 'the seal is never deleted'); END;
