-- What an ingest configuration's state is read from, and what became of recording a participant.

ALTER TABLE stage_participants ADD COLUMN recording TEXT NOT NULL DEFAULT ''; -- empty: it was not to be recorded
CREATE INDEX stage_participants_recorded ON stage_participants (session_id, recording, joined, participant_id) WHERE recording <> '';
CREATE INDEX stage_participants_publishing ON stage_participants (stage_arn, participant_id) WHERE publishing = 1;
