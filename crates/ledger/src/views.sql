-- What an SQL shell asks of the events. A later version makes them anew; they hold nothing.

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

CREATE VIEW removals AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.artefact' AS artefact,
       payload ->> '$.holds' AS holds, payload ->> '$.bytes' AS bytes, payload ->> '$.how' AS how
FROM events WHERE payload ->> '$.kind' = 'removal';

CREATE VIEW statements AS
SELECT sequence, at, payload ->> '$.request' AS request, payload ->> '$.statement' AS statement
FROM events WHERE payload ->> '$.kind' = 'evidence';

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
