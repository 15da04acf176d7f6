package ugc

import (
	"context"
	"errors"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// User is a person who can sign in.
type User struct {
	ID       string
	Username string
	Created  time.Time
}

func userOf(u store.AppUser) User { return User{ID: u.ID, Username: u.Username, Created: u.Created} }

// Register makes a person with their channel, room and stage, and gives them back when they are whole.
// If it fails, nothing stays: what was made is removed at once or by Repair, and the name is free
// again. It goes on to its end even if the caller gives up. Repeating it with the same name and
// password, after a crash in the middle, completes what was begun.
func (a *App) Register(ctx context.Context, username, password string) (User, error) {
	if err := checkCredentials(username, password); err != nil {
		return User{}, err
	}
	if !a.Ready() {
		return User{}, fault.Down("StreamCat is still starting; please try again in a moment")
	}
	ctx = context.WithoutCancel(ctx)
	switch known, err := a.rows.UserByName(ctx, nameKey(username)); {
	case err == nil:
		done, err := a.resume(ctx, known, password)
		if done || err != nil {
			return userOf(known), err
		}
	case fault.Of(err) != fault.NotFound:
		return User{}, err
	}
	hash, err := auth.HashPassword(ctx, password)
	if err != nil {
		return User{}, err
	}
	now := a.Now().UTC().Truncate(time.Microsecond) // as the database gives it back
	u := store.AppUser{
		ID: arn.NewID(16), Username: username, NameKey: nameKey(username), PasswordHash: hash,
		State: store.AppProvisioning, Created: now,
	}
	c := store.AppChannel{Title: username + "’s channel", Category: firstCategory}
	if err := a.rows.InsertUser(ctx, u, c, now.Add(claimFor)); err != nil {
		if fault.Of(err) == fault.Conflict {
			err = taken()
		}
		return User{}, err
	}
	if err := a.provision(ctx, u, false); err != nil {
		return User{}, err
	}
	return userOf(u), nil
}

// resume deals with a name that is already there: it is taken, or its owner comes back to an unfinished
// registration (done), or a failed registration still holds it, which is cleared away (not done).
func (a *App) resume(ctx context.Context, u store.AppUser, password string) (done bool, err error) {
	if u.State == store.AppActive {
		return false, taken()
	}
	if u.State == store.AppProvisioning {
		if ok, err := auth.CheckPassword(ctx, u.PasswordHash, password); err != nil || !ok {
			return false, errors.Join(err, taken())
		}
	}
	now := a.Now()
	ok, err := a.rows.ClaimUser(ctx, u.ID, now, now.Add(claimFor))
	if err != nil {
		return false, err
	}
	if !ok {
		return false, fault.Down("this account is being set up; please try again in a moment")
	}
	if u.State == store.AppRemoving {
		if err := a.remove(ctx, u, a.resources()); err != nil {
			return false, fault.Down("this username is not free again yet; please try again in a moment").Because(err)
		}
		return false, nil
	}
	return true, a.provision(ctx, u, true)
}

func taken() error {
	f := fault.InConflict("this username is taken; choose another one")
	f.Fields = []fault.Field{{Name: "username", Message: "This username is taken."}}
	return f
}

// SignIn gives the person with that name if the password is theirs. Denied does not say which of the
// two was wrong; Unavailable says that both were right but the account is not whole yet.
func (a *App) SignIn(ctx context.Context, username, password string) (User, error) {
	wrong := fault.AccessDenied("wrong username or password")
	u, err := a.rows.UserByName(ctx, nameKey(username))
	if fault.Of(err) == fault.NotFound {
		return User{}, wrong
	}
	if err != nil {
		return User{}, err
	}
	ok, err := auth.CheckPassword(ctx, u.PasswordHash, password)
	switch {
	case err != nil:
		return User{}, err
	case !ok || u.State == store.AppRemoving:
		return User{}, wrong
	case u.State != store.AppActive:
		return User{}, fault.Down("your account is still being set up; please try again in a moment")
	}
	return userOf(u), nil
}

// User gives an active person by id; NotFound for anybody else.
func (a *App) User(ctx context.Context, id string) (User, error) {
	u, err := a.rows.User(ctx, id)
	if err != nil {
		return User{}, err
	}
	if u.State != store.AppActive {
		return User{}, fault.Missing("there is nobody of that name")
	}
	return userOf(u), nil
}
