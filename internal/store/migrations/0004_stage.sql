-- Stages: who was on them, and what happened. Times are microseconds since 1970, UTC; 0 is never.

CREATE TABLE stage_sessions (
    session_id TEXT   NOT NULL PRIMARY KEY,
    stage_arn  TEXT   NOT NULL,
    started    BIGINT NOT NULL,
    ended      BIGINT NOT NULL, -- 0: it runs
    node       TEXT   NOT NULL
);
CREATE INDEX stage_sessions_by_start ON stage_sessions (stage_arn, started, session_id);
CREATE INDEX stage_sessions_open ON stage_sessions (started) WHERE ended = 0;
CREATE INDEX stage_sessions_ended ON stage_sessions (ended) WHERE ended > 0;

CREATE TABLE stage_participants (
    session_id     TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    stage_arn      TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    state          TEXT   NOT NULL, -- CONNECTED, DISCONNECTED
    published      BIGINT NOT NULL, -- 1: it did at some time
    publishing     BIGINT NOT NULL, -- 1: it does
    joined         BIGINT NOT NULL, -- the first time in the session
    departed       BIGINT NOT NULL, -- 0: it is there
    node           TEXT   NOT NULL,
    doc            TEXT   NOT NULL,
    PRIMARY KEY (session_id, participant_id)
);
CREATE INDEX stage_participants_by_join ON stage_participants (session_id, joined, participant_id);
CREATE INDEX stage_participants_by_user ON stage_participants (session_id, user_id, joined, participant_id);
CREATE INDEX stage_participants_published ON stage_participants (session_id, joined, participant_id) WHERE published = 1;
CREATE INDEX stage_participants_connected ON stage_participants (session_id, joined, participant_id) WHERE state = 'CONNECTED';

CREATE TABLE stage_events (
    session_id            TEXT   NOT NULL,
    participant_id        TEXT   NOT NULL,
    seq                   BIGINT NOT NULL,
    time                  BIGINT NOT NULL,
    name                  TEXT   NOT NULL,
    error_code            TEXT   NOT NULL,
    remote_participant_id TEXT   NOT NULL,
    PRIMARY KEY (session_id, participant_id, seq)
) WITHOUT ROWID;

CREATE TABLE stage_revocations (
    stage_arn      TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    until          BIGINT NOT NULL,
    PRIMARY KEY (stage_arn, participant_id)
) WITHOUT ROWID;
CREATE INDEX stage_revocations_by_end ON stage_revocations (until);
