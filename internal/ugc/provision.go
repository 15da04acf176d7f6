package ugc

import (
	"context"
	"errors"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// resource is one of the things a person is made of: how it is made, how it is found again by name and
// tags, how it is removed, and where the person's row holds its ARN.
type resource struct {
	what string // "channel"
	make func(ctx context.Context, u store.AppUser) (arn string, err error)
	find func(ctx context.Context, u store.AppUser) (arn string, err error) // "" if there is none
	drop func(ctx context.Context, arn string) error                        // nil if it is gone already
	held func(c store.AppChannel) (arn string)
	note func(arn string) store.AppChannelChange
}

// resources lists them in the order of making.
func (a *App) resources() []resource {
	return []resource{
		{
			"channel", a.makeChannel, a.findChannel, a.dropChannel,
			func(c store.AppChannel) string { return c.ChannelARN },
			func(arn string) store.AppChannelChange { return store.AppChannelChange{ChannelARN: &arn} },
		},
		{
			"chat room", a.makeRoom, a.findRoom, a.dropRoom,
			func(c store.AppChannel) string { return c.RoomARN },
			func(arn string) store.AppChannelChange { return store.AppChannelChange{RoomARN: &arn} },
		},
		{
			"stage", a.makeStage, a.findStage, a.dropStage,
			func(c store.AppChannel) string { return c.StageARN },
			func(arn string) store.AppChannelChange { return store.AppChannelChange{StageARN: &arn} },
		},
	}
}

const (
	// claimFor is how long a worker may be silent about a person before another takes over. A call to
	// a service is given up long before, even if the database lets it wait before and after.
	claimFor    = 45 * time.Second
	callTimeout = 8 * time.Second

	makeAttempts = 3
	retryAfter   = 100 * time.Millisecond // times the square of the attempt
)

// provision makes what a person lacks and makes them active; the caller holds the claim on them. If
// that cannot be done, what there is of them is removed again, unless another worker was faster and they
// are active. searched says that an earlier worker may
// have made things it could not write down, which are looked for before anything is made.
func (a *App) provision(ctx context.Context, u store.AppUser, searched bool) error {
	c, err := a.rows.Channel(ctx, u.ID)
	if err != nil {
		return err
	}
	for i, r := range a.resources() {
		if r.held(c) != "" {
			continue
		}
		if err := a.obtain(ctx, u, r, searched); err != nil {
			a.metrics.provisionings.WithLabelValues("failed").Inc()
			a.Log.WarnContext(ctx, "a registration failed", "username", u.Username, "making", r.what, "err", err)
			suspects := a.resources()[:i+1]
			if searched {
				suspects = a.resources()
			}
			return a.giveUp(ctx, u, suspects, r.what, err)
		}
	}
	if err := a.rows.SetUserState(ctx, u.ID, store.AppProvisioning, store.AppActive); err != nil {
		if a.overtaken(ctx, u, err) {
			return nil
		}
		return err
	}
	a.metrics.provisionings.WithLabelValues("made").Inc()
	a.Log.InfoContext(ctx, "somebody registered", "username", u.Username)
	return nil
}

// obtain finds or makes one resource and writes it down. A call that failed may have worked all the
// same, so each further attempt begins with looking.
func (a *App) obtain(ctx context.Context, u store.AppUser, r resource, look bool) error {
	for attempt := 1; ; attempt++ {
		if err := a.rows.ExtendClaim(ctx, u.ID, a.Now().Add(claimFor)); err != nil {
			return err
		}
		arn, err := findOrMake(ctx, u, r, look)
		if err == nil {
			return a.rows.UpdateChannel(ctx, u.ID, r.note(arn))
		}
		if attempt == makeAttempts || fault.Of(err) != fault.Unavailable {
			return err
		}
		look = true
		if err := pause(ctx, retryAfter*time.Duration(attempt*attempt)); err != nil {
			return err
		}
	}
}

func findOrMake(ctx context.Context, u store.AppUser, r resource, look bool) (arn string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if look {
		if arn, err = r.find(ctx, u); err != nil || arn != "" {
			return arn, err
		}
	}
	return r.make(ctx, u)
}

func findAndDrop(ctx context.Context, u store.AppUser, r resource, c store.AppChannel) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	arn := r.held(c)
	if arn == "" {
		if arn, err = r.find(ctx, u); err != nil || arn == "" {
			return err
		}
	}
	return r.drop(ctx, arn)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// overtaken says whether a person could not be given another state because another worker, who found the
// claim run out, has made them whole meanwhile.
func (a *App) overtaken(ctx context.Context, u store.AppUser, err error) bool {
	if fault.Of(err) != fault.Conflict {
		return false
	}
	now, err := a.rows.User(ctx, u.ID)
	return err == nil && now.State == store.AppActive
}

// giveUp ends a registration that cannot be completed, and says so in words for its person.
func (a *App) giveUp(ctx context.Context, u store.AppUser, suspects []resource, what string, cause error) error {
	err := a.rows.SetUserState(ctx, u.ID, store.AppProvisioning, store.AppRemoving)
	switch {
	case err == nil:
		err = a.remove(ctx, u, suspects)
	case a.overtaken(ctx, u, err):
		return nil
	}
	if err != nil {
		a.Log.WarnContext(ctx, "a failed registration is not cleared away yet; repair will do it", "username", u.Username, "err", err)
	}
	return fault.Down("your %s could not be made, so nothing was kept; please try again in a moment", what).Because(cause)
}

// remove takes away everything there may be of a person in state removing, newest first, and then the
// person. suspects may exist without being written down: they are looked for. If it fails the claim is
// given back, so that Repair goes on.
func (a *App) remove(ctx context.Context, u store.AppUser, suspects []resource) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.rows.ReleaseUser(ctx, u.ID))
		}
	}()
	c, err := a.rows.Channel(ctx, u.ID)
	if err != nil {
		return err
	}
	for i := len(suspects) - 1; i >= 0; i-- {
		if err := a.rows.ExtendClaim(ctx, u.ID, a.Now().Add(claimFor)); err != nil {
			return err
		}
		if err := findAndDrop(ctx, u, suspects[i], c); err != nil {
			return err
		}
	}
	a.metrics.provisionings.WithLabelValues("removed").Inc()
	return a.rows.DeleteUser(ctx, u.ID)
}

// EnsureShared makes sure of what all registrations need: that each of the three services answers these
// credentials, by asking for what carries the app's tag. It makes the app ready.
//
// Channels and rooms made today refer to no shared resource. One that they come to refer to is found or
// made here, by the tag "project", before the app is ready, and handed to makeChannel and makeRoom.
func (a *App) EnsureShared(ctx context.Context) error {
	if err := a.askAll(ctx); err != nil {
		return err
	}
	a.ready.Store(true)
	return nil
}

const repairBatch = 50

// Repair finishes what was cut off in the middle: it completes people whose registration was
// interrupted, and removes what is left of registrations that failed. People whom another worker holds
// are left to it. The error joins what did not work; it is tried again with the next Repair.
func (a *App) Repair(ctx context.Context) error {
	unfinished, err := a.rows.UnfinishedUsers(ctx, a.Now(), repairBatch)
	if err != nil {
		return err
	}
	var failed []error
	for _, u := range unfinished {
		now := a.Now()
		switch ok, err := a.rows.ClaimUser(ctx, u.ID, now, now.Add(claimFor)); {
		case err != nil:
			return err
		case !ok:
			continue
		}
		a.Log.InfoContext(ctx, "repairing a half-made account", "username", u.Username, "state", u.State)
		if u.State == store.AppRemoving {
			failed = append(failed, a.remove(ctx, u, a.resources()))
		} else {
			failed = append(failed, a.provision(ctx, u, true))
		}
	}
	return errors.Join(failed...)
}
