-- What was measured of a stream session, in runs of up to ten minutes. Package channel packs and reads the points.

CREATE TABLE stream_history (
    stream_id TEXT   NOT NULL REFERENCES stream_sessions (stream_id) ON DELETE CASCADE,
    started   BIGINT NOT NULL, -- microseconds since 1970, UTC: the time of the first point
    points    BLOB   NOT NULL,
    PRIMARY KEY (stream_id, started)
) WITHOUT ROWID;
