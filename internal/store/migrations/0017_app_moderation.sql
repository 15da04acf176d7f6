-- Who keeps order in the chats of the web app's channels, what they did, and against whom it holds.

CREATE TABLE app_moderators (
    owner   TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    user_id TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    added   BIGINT NOT NULL,
    PRIMARY KEY (owner, user_id)
);
CREATE INDEX app_moderators_by_user ON app_moderators (user_id);

-- Who asked for a token of late. Networks are marks by a keyed hash that changes with channel and week.
CREATE TABLE app_chatters (
    owner   TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    user_id TEXT   NOT NULL, -- as the room knows them
    name    TEXT   NOT NULL,
    device  TEXT   NOT NULL, -- the guest that their browser is when nobody is signed in
    network TEXT   NOT NULL, -- '': not known
    seen    BIGINT NOT NULL,
    PRIMARY KEY (owner, user_id)
);
CREATE INDEX app_chatters_by_time ON app_chatters (seen);

CREATE TABLE app_chat_penalties (
    owner         TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    kind          TEXT   NOT NULL, -- ban, time-out
    user_id       TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    moderator     TEXT   NOT NULL, -- user id of who did it
    made          BIGINT NOT NULL,
    until         BIGINT NOT NULL, -- 0: for ever
    device        TEXT   NOT NULL,
    network       TEXT   NOT NULL,
    network_until BIGINT NOT NULL, -- the network counts no longer than this
    lifted        BIGINT NOT NULL, -- 1: it holds no more, and goes once the service knows
    owed          BIGINT NOT NULL, -- 1: the service does not know yet
    PRIMARY KEY (owner, kind, user_id)
);
CREATE INDEX app_chat_penalties_by_time ON app_chat_penalties (owner, kind, made, user_id);
CREATE INDEX app_chat_penalties_owed ON app_chat_penalties (made) WHERE owed = 1;
CREATE INDEX app_chat_penalties_by_device ON app_chat_penalties (owner, device) WHERE device <> '';
CREATE INDEX app_chat_penalties_by_network ON app_chat_penalties (owner, network) WHERE network <> '';

CREATE TABLE app_chat_rules (
    owner TEXT   NOT NULL PRIMARY KEY REFERENCES app_users (id) ON DELETE CASCADE,
    modes TEXT   NOT NULL, -- JSON
    owed  BIGINT NOT NULL, -- 1: the service does not know the modes yet
    pinned TEXT  NOT NULL  -- JSON; '': nothing is pinned
);

CREATE TABLE app_chat_log (
    id          TEXT   NOT NULL PRIMARY KEY,
    owner       TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    actor_name  TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    target      TEXT   NOT NULL,
    target_name TEXT   NOT NULL,
    detail      TEXT   NOT NULL, -- JSON
    undone      BIGINT NOT NULL, -- 0: it was not taken back
    undone_by   TEXT   NOT NULL  -- name of who took it back
);
CREATE INDEX app_chat_log_by_time ON app_chat_log (owner, at, id);
CREATE INDEX app_chat_log_by_age ON app_chat_log (at);
