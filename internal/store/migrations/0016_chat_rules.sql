-- Rules of chat rooms that IVS has no word for, and against whom they hold. A row of rules comes with the first change.

CREATE TABLE chat_rules (
    room      TEXT   NOT NULL PRIMARY KEY REFERENCES resources (arn) ON DELETE CASCADE,
    version   BIGINT NOT NULL, -- counts changes, those of penalties included: nodes compare it with what they hold
    modes     TEXT   NOT NULL, -- JSON; '': none were set
    pinned    TEXT   NOT NULL, -- JSON; '': no message is pinned
    pinned_id TEXT   NOT NULL  -- the id of that message
);

CREATE TABLE chat_penalties (
    room    TEXT   NOT NULL REFERENCES resources (arn) ON DELETE CASCADE,
    kind    TEXT   NOT NULL, -- ban, time-out
    user_id TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    made    BIGINT NOT NULL,
    until   BIGINT NOT NULL, -- 0: for ever
    PRIMARY KEY (room, kind, user_id)
);
CREATE INDEX chat_penalties_by_time ON chat_penalties (room, kind, made, user_id);
CREATE INDEX chat_penalties_by_end ON chat_penalties (until) WHERE until > 0;
