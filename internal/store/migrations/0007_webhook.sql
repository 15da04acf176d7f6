-- Webhooks: who is told of events, what could not be told, and what is to be told again. Times are
-- microseconds since 1970, UTC; 0 is never. How far one is stands in outbox_cursors as "webhook/<id>".

CREATE TABLE webhooks (
    id           TEXT   NOT NULL PRIMARY KEY,
    url          TEXT   NOT NULL,
    description  TEXT   NOT NULL,
    sealed       BLOB   NOT NULL, -- the secret, encrypted
    sealed_old   BLOB   NOT NULL, -- the one before, which signs, too, until old_until
    old_until    BIGINT NOT NULL,
    detail_types TEXT   NOT NULL, -- JSON list; empty: all
    resources    TEXT   NOT NULL, -- JSON list of patterns; empty: all
    enabled      BIGINT NOT NULL,
    reason       TEXT   NOT NULL, -- why it was disabled, if nobody asked for it
    created      BIGINT NOT NULL,
    version      BIGINT NOT NULL  -- grows with each change of the above
);
CREATE INDEX webhooks_by_creation ON webhooks (created, id);

-- The event that a lane of a webhook is held up by. It outlives the process, or an event that is never
-- taken would be tried for ever by a server that is started anew every day.
CREATE TABLE webhook_failures (
    webhook_id TEXT   NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    lane       TEXT   NOT NULL, -- live, replay, dead
    global     BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    error      TEXT   NOT NULL,
    PRIMARY KEY (webhook_id, lane)
) WITHOUT ROWID;

CREATE TABLE webhook_dead_letters (
    webhook_id TEXT   NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    global     BIGINT NOT NULL REFERENCES outbox (global) ON DELETE CASCADE,
    died       BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    error      TEXT   NOT NULL,
    asked      BIGINT NOT NULL, -- 1: to be told again
    PRIMARY KEY (webhook_id, global)
) WITHOUT ROWID;
CREATE INDEX webhook_dead_letters_by_event ON webhook_dead_letters (global);
CREATE INDEX webhook_dead_letters_asked ON webhook_dead_letters (webhook_id, global) WHERE asked = 1;

CREATE TABLE webhook_replays (
    id           TEXT   NOT NULL PRIMARY KEY,
    webhook_id   TEXT   NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    created      BIGINT NOT NULL,
    since        BIGINT NOT NULL,
    until        BIGINT NOT NULL, -- 0: no end but last
    told         BIGINT NOT NULL, -- the number up to which it is done
    last         BIGINT NOT NULL, -- the last number that existed when it was asked for
    detail_types TEXT   NOT NULL,
    resources    TEXT   NOT NULL
);
CREATE INDEX webhook_replays_by_creation ON webhook_replays (webhook_id, created, id);

CREATE INDEX outbox_by_time ON outbox (time);
