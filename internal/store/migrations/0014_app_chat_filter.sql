-- What the web app's reviewer of chat messages minds in each channel. Times are microseconds since 1970, UTC.

CREATE TABLE app_chat_filters (
    owner   TEXT   NOT NULL PRIMARY KEY REFERENCES app_users (id) ON DELETE CASCADE,
    rules   TEXT   NOT NULL, -- JSON
    changed BIGINT NOT NULL
);
CREATE INDEX app_channels_by_room ON app_channels (room_arn) WHERE room_arn <> '';
