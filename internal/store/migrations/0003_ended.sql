-- What is trimmed by age is found by its end.

CREATE INDEX stream_sessions_ended ON stream_sessions (ended) WHERE ended > 0;
CREATE INDEX app_streams_ended ON app_streams (ended) WHERE ended > 0;
