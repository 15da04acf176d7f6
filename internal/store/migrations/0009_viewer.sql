-- Viewers whose playback sessions were revoked: all of a channel with a session version up to the given
-- one. Times are microseconds since 1970, UTC.

CREATE TABLE viewer_revocations (
    channel_arn TEXT   NOT NULL,
    viewer_id   TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    time        BIGINT NOT NULL, -- of the last revocation
    PRIMARY KEY (channel_arn, viewer_id)
);
CREATE INDEX viewer_revocations_by_time ON viewer_revocations (time);
