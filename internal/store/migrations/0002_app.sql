-- What the web app keeps of its own. Times are microseconds since 1970, UTC; 0 is never.

CREATE TABLE app_users (
    id            TEXT   NOT NULL PRIMARY KEY,
    username      TEXT   NOT NULL,
    name_key      TEXT   NOT NULL UNIQUE, -- the username as names are compared
    password_hash TEXT   NOT NULL,
    state         TEXT   NOT NULL,        -- provisioning, active, removing
    claimed       BIGINT NOT NULL,        -- until when somebody works on bringing it out of its state
    created       BIGINT NOT NULL
);
CREATE INDEX app_users_unfinished ON app_users (created) WHERE state <> 'active';

CREATE TABLE app_channels (
    user_id     TEXT   NOT NULL PRIMARY KEY REFERENCES app_users (id) ON DELETE CASCADE,
    channel_arn TEXT   NOT NULL,
    room_arn    TEXT   NOT NULL,
    stage_arn   TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    category    TEXT   NOT NULL,
    live_stream TEXT   NOT NULL, -- '' while off air
    live_since  BIGINT NOT NULL,
    last_live   BIGINT NOT NULL
);
CREATE UNIQUE INDEX app_channels_by_arn ON app_channels (channel_arn) WHERE channel_arn <> '';
CREATE INDEX app_channels_live ON app_channels (live_since) WHERE live_stream <> '';
CREATE INDEX app_channels_recent ON app_channels (last_live) WHERE last_live > 0;

CREATE TABLE app_streams (
    id       TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    started  BIGINT NOT NULL, -- 0: only its end was told so far
    ended    BIGINT NOT NULL, -- 0: it runs
    assumed  BIGINT NOT NULL, -- 1: the end was concluded, not told
    seen     BIGINT NOT NULL, -- when the first word of it came
    title       TEXT   NOT NULL,
    category    TEXT   NOT NULL
);
CREATE INDEX app_streams_by_start ON app_streams (user_id, started, seen);

CREATE TABLE app_sessions (
    token   TEXT   NOT NULL PRIMARY KEY, -- a hash of what the browser holds
    data    BLOB   NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX app_sessions_by_end ON app_sessions (expires);
