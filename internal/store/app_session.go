package store

import (
	"context"
	"time"
)

func scanAppSession(s scanner) (data []byte, err error) {
	err = s.Scan(&data)
	return data, err
}

// Session gives the data of a session that has not expired at the given time.
func (a *App) Session(ctx context.Context, token string, now time.Time) (data []byte, ok bool, err error) {
	return queryOne(ctx, a.db, scanAppSession, `SELECT data FROM app_sessions WHERE token = $1 AND expires > $2`, token, micros(now))
}

// PutSession writes a session, new or known.
func (a *App) PutSession(ctx context.Context, token string, data []byte, expires time.Time) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_sessions (token, data, expires) VALUES ($1, $2, $3)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires`, token, data, micros(expires))
	return err
}

// DeleteSession ends a session; one that does not exist is no error.
func (a *App) DeleteSession(ctx context.Context, token string) error {
	_, err := a.db.exec(ctx, `DELETE FROM app_sessions WHERE token = $1`, token)
	return err
}

// PurgeSessions removes sessions that have expired at the given time.
func (a *App) PurgeSessions(ctx context.Context, now time.Time) error {
	_, err := a.db.exec(ctx, `DELETE FROM app_sessions WHERE expires <= $1`, micros(now))
	return err
}
