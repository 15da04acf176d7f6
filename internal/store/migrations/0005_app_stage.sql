-- The web app's stages: seats that were given, invitations, and who is live in real time. Times are
-- microseconds since 1970, UTC; 0 is never.

ALTER TABLE app_channels ADD COLUMN real_time_since BIGINT NOT NULL DEFAULT 0; -- 0: not live in real time
ALTER TABLE app_channels ADD COLUMN real_time_lost BIGINT NOT NULL DEFAULT 0;  -- since when the host is missed on the stage
ALTER TABLE app_channels ADD COLUMN room_owed BIGINT NOT NULL DEFAULT 0;       -- tries left to tell the room of the last change
CREATE UNIQUE INDEX app_channels_by_stage ON app_channels (stage_arn) WHERE stage_arn <> '';
CREATE INDEX app_channels_real_time ON app_channels (real_time_since) WHERE real_time_since > 0;
CREATE INDEX app_channels_room_owed ON app_channels (user_id) WHERE room_owed > 0;

CREATE TABLE app_invitations (
    id      TEXT   NOT NULL PRIMARY KEY,
    owner   TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE, -- whose stage
    holder  TEXT   NOT NULL, -- who is invited: a person, or a guest of the chat
    name    TEXT   NOT NULL,
    guest   BIGINT NOT NULL, -- 1: has no account
    state   TEXT   NOT NULL, -- waiting, joined, removed, withdrawn, expired
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL, -- when it ends if it is still waiting
    used    BIGINT NOT NULL  -- when it was last taken up
);
CREATE UNIQUE INDEX app_invitations_open ON app_invitations (owner, holder) WHERE state IN ('waiting', 'joined');
CREATE INDEX app_invitations_by_owner ON app_invitations (owner, created);

CREATE TABLE app_stage_tokens (
    participant TEXT   NOT NULL PRIMARY KEY,
    owner       TEXT   NOT NULL REFERENCES app_users (id) ON DELETE CASCADE, -- whose stage
    holder      TEXT   NOT NULL, -- who sits there: a person, or a guest of the chat
    role        TEXT   NOT NULL, -- host, guest, viewer
    invitation  TEXT   NOT NULL, -- '' but for guests
    sealed      BLOB   NOT NULL, -- the token, encrypted
    made        BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    revoked     BIGINT NOT NULL, -- 1: never to be given again
    owed        BIGINT NOT NULL, -- 1: the service is still to be told that the participant must go
    publishing  BIGINT NOT NULL, -- 1: as far as events told
    heard       BIGINT NOT NULL  -- time of the event that said so
);
CREATE INDEX app_stage_tokens_by_seat ON app_stage_tokens (owner, holder, role, invitation, expires);
CREATE INDEX app_stage_tokens_by_invitation ON app_stage_tokens (invitation) WHERE invitation <> '';
CREATE INDEX app_stage_tokens_by_end ON app_stage_tokens (expires);
CREATE INDEX app_stage_tokens_owed ON app_stage_tokens (expires) WHERE owed > 0;

CREATE TABLE app_stage_claims (
    seat  TEXT   NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL -- until when somebody makes its token
);
