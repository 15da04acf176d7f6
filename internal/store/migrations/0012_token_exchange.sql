-- What a participant's former token and the one that it was exchanged for said, as JSON; empty for other events.

ALTER TABLE stage_events ADD COLUMN previous_token TEXT NOT NULL DEFAULT '';
ALTER TABLE stage_events ADD COLUMN new_token TEXT NOT NULL DEFAULT '';
