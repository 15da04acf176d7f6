-- Participants who are shown on another stage, too. Times are microseconds since 1970, UTC; 0 is never.

CREATE TABLE stage_replications (
    id                  TEXT   NOT NULL PRIMARY KEY,
    participant_id      TEXT   NOT NULL,
    user_id             TEXT   NOT NULL,
    source_stage        TEXT   NOT NULL,
    source_session      TEXT   NOT NULL,
    destination_stage   TEXT   NOT NULL,
    destination_session TEXT   NOT NULL,
    started             BIGINT NOT NULL,
    ended               BIGINT NOT NULL -- 0: it runs
);
CREATE INDEX stage_replications_by_start ON stage_replications (source_stage, participant_id, started, id);
CREATE INDEX stage_replications_by_source ON stage_replications (source_session, participant_id);
CREATE INDEX stage_replications_by_destination ON stage_replications (destination_session, participant_id);
CREATE INDEX stage_replications_ended ON stage_replications (ended) WHERE ended > 0;

ALTER TABLE stage_events ADD COLUMN destination_stage TEXT NOT NULL DEFAULT '';
ALTER TABLE stage_events ADD COLUMN destination_session TEXT NOT NULL DEFAULT '';
ALTER TABLE stage_events ADD COLUMN replica BIGINT NOT NULL DEFAULT 0; -- 1: of a participant replicated from another stage
