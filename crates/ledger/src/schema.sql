-- One table is the truth; the views are for people with a SQL shell. `lacuna ledger verify` compares this schema, so a
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

CREATE VIEW requests AS
SELECT opened.payload ->> '$.request' AS request,
       opened.payload ->> '$.subject' AS subject,
       opened.payload ->> '$.ground' AS ground,
       opened.payload ->> '$.received' AS received,
       coalesce((SELECT later.payload ->> '$.due.day' FROM events AS later
                 WHERE later.payload ->> '$.request' = opened.payload ->> '$.request'
                   AND later.payload ->> '$.kind' IN ('extension', 'identity_established') ORDER BY later.sequence DESC LIMIT 1),
                opened.payload ->> '$.due.day') AS due,
       coalesce((SELECT later.payload ->> '$.status' FROM events AS later
                 WHERE later.payload ->> '$.request' = opened.payload ->> '$.request'
                   AND later.payload ->> '$.kind' = 'status' ORDER BY later.sequence DESC LIMIT 1),
                'received') AS status
FROM events AS opened WHERE opened.payload ->> '$.kind' = 'request';

CREATE VIEW subjects AS
SELECT sequence, at, payload ->> '$.subject' AS subject, payload ->> '$.commitment' AS commitment
FROM events WHERE payload ->> '$.kind' = 'subject';

CREATE VIEW models AS
SELECT sequence, at, payload ->> '$.model' AS model, payload ->> '$.parent' AS parent, payload ->> '$.config' AS config
FROM events WHERE payload ->> '$.kind' = 'model';

CREATE VIEW memberships AS
SELECT sequence, at, payload ->> '$.model' AS model, payload ->> '$.subject' AS subject, payload ->> '$.holds' AS holds
FROM events WHERE payload ->> '$.kind' = 'membership';

CREATE VIEW artefacts AS
SELECT sequence, at, payload ->> '$.artefact' AS artefact, payload ->> '$.subject' AS subject,
       payload ->> '$.holds' AS holds
FROM events WHERE payload ->> '$.kind' = 'artefact';

CREATE VIEW runs AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.run' AS run,
       payload ->> '$.strategy' AS strategy, payload ->> '$.recipe' AS recipe, payload ->> '$.before' AS before,
       payload ->> '$.after' AS after
FROM events WHERE payload ->> '$.kind' = 'run';

CREATE VIEW audits AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.run' AS run,
       payload ->> '$.protocol' AS protocol, payload ->> '$.metrics' AS metrics
FROM events WHERE payload ->> '$.kind' = 'audit';

CREATE VIEW verdicts AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.run' AS run, payload ->> '$.verdict' AS verdict
FROM events WHERE payload ->> '$.kind' = 'verdict';

CREATE VIEW deletions AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.artefact' AS artefact,
       payload ->> '$.holds' AS holds, payload ->> '$.bytes' AS bytes
FROM events WHERE payload ->> '$.kind' = 'deletion';

CREATE VIEW notifications AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.counterpart' AS counterpart,
       payload ->> '$.about' AS about, payload ->> '$.on' AS day
FROM events WHERE payload ->> '$.kind' = 'notification';

CREATE VIEW recipients AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.recipient' AS recipient
FROM events WHERE payload ->> '$.kind' = 'recipient';

CREATE VIEW protocols AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.run' AS run,
       payload ->> '$.protocol' AS protocol
FROM events WHERE payload ->> '$.kind' = 'protocol';

-- While a row of a request says `asked` and no later one says `established`, its time stands still.
CREATE VIEW identities AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.asked' AS asked,
       payload ->> '$.established' AS established
FROM events WHERE payload ->> '$.kind' IN ('identity_asked', 'identity_established');
