-- Written for SQLite; migrate.go says how PostgreSQL reads it. Times are microseconds since 1970, UTC.

CREATE TABLE resources (
    arn     TEXT   NOT NULL PRIMARY KEY,
    kind    TEXT   NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    doc     TEXT   NOT NULL
);
CREATE INDEX resources_by_creation ON resources (kind, created, arn);
CREATE INDEX resources_by_update ON resources (kind, updated, arn);

-- refs repeats the sort keys of its resource, so that a filtered page is one walk along one index.
CREATE TABLE refs (
    arn     TEXT   NOT NULL REFERENCES resources (arn) ON DELETE CASCADE,
    name    TEXT   NOT NULL,
    value   TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    solo    BIGINT NOT NULL, -- 1: no other resource of the kind may have it
    PRIMARY KEY (arn, name, value)
) WITHOUT ROWID;
CREATE INDEX refs_by_creation ON refs (kind, name, value, created, arn);
CREATE INDEX refs_by_update ON refs (kind, name, value, updated, arn);
CREATE UNIQUE INDEX refs_solo ON refs (kind, name, value) WHERE solo = 1;

CREATE TABLE tags (
    arn   TEXT NOT NULL REFERENCES resources (arn) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) WITHOUT ROWID;

-- outbox_heads holds the last number given: one row per resource, and '*' for the number over all.
CREATE TABLE outbox_heads (
    resource TEXT   NOT NULL PRIMARY KEY,
    seq      BIGINT NOT NULL
);

CREATE TABLE outbox (
    global      BIGINT NOT NULL PRIMARY KEY,
    id          TEXT   NOT NULL UNIQUE,
    resource    TEXT   NOT NULL, -- '' for the account as a whole
    seq         BIGINT NOT NULL,
    time        BIGINT NOT NULL,
    detail_type TEXT   NOT NULL,
    resources   TEXT   NOT NULL, -- JSON list
    detail      TEXT   NOT NULL, -- JSON
    UNIQUE (resource, seq)
);

CREATE TABLE outbox_cursors (
    consumer TEXT   NOT NULL PRIMARY KEY,
    global   BIGINT NOT NULL
);

CREATE TABLE access_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL,
    sealed     BLOB   NOT NULL,
    root       BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL, -- 0: never
    note       TEXT   NOT NULL
);

CREATE TABLE stream_sessions (
    stream_id   TEXT   NOT NULL PRIMARY KEY,
    channel_arn TEXT   NOT NULL,
    started     BIGINT NOT NULL,
    ended       BIGINT NOT NULL, -- 0: live
    node        TEXT   NOT NULL,
    doc         TEXT   NOT NULL
);
CREATE INDEX stream_sessions_by_start ON stream_sessions (channel_arn, started, stream_id);
CREATE INDEX stream_sessions_open ON stream_sessions (started) WHERE ended = 0;

CREATE TABLE once (
    purpose TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    until   BIGINT NOT NULL,
    PRIMARY KEY (purpose, id)
) WITHOUT ROWID;
CREATE INDEX once_by_end ON once (until);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);
