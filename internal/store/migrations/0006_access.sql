-- Access: what a key may do, and what was done. Times are microseconds since 1970, UTC.

ALTER TABLE access_keys ADD COLUMN policy TEXT NOT NULL DEFAULT ''; -- JSON; '': may do everything
UPDATE access_keys SET root = 0 WHERE note NOT IN ('root', 'web app');

-- audit has one row per call that changes something, audit_resources one for each name in it. An entry's name
-- is its time in microseconds in 14 hexadecimal digits, a dash, and the request's id: sorted by name, entries
-- are sorted by time.
CREATE TABLE audit (
    entry      TEXT NOT NULL PRIMARY KEY,
    access_key TEXT NOT NULL,
    source     TEXT NOT NULL, -- '': none
    service    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    result     TEXT NOT NULL, -- 'ok', or the exception's name
    resources  TEXT NOT NULL  -- JSON list
) WITHOUT ROWID;
CREATE INDEX audit_by_key ON audit (access_key, entry);
CREATE INDEX audit_by_operation ON audit (operation, entry);

CREATE TABLE audit_resources (
    resource TEXT NOT NULL,
    entry    TEXT NOT NULL,
    PRIMARY KEY (resource, entry)
) WITHOUT ROWID;
