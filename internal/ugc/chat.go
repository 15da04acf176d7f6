package ugc

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
)

// Chatter is who asks to chat: a signed-in person, or a guest.
type Chatter struct {
	UserID string // as the room knows them
	Name   string // as people see them
	Guest  bool

	Device  string // the guest that their browser is when nobody is signed in there; "": not known
	Network string // where they come from, which is never written down; "": not known
}

// ChatPass is what a browser needs to enter a room. The token works once, until TokenExpires.
type ChatPass struct {
	Token          string
	TokenExpires   time.Time
	SessionExpires time.Time
	UserID         string
	DisplayName    string
	Capabilities   []string
	// Past is when the token was asked for, where rooms keep what was said before and tell it to who asks in the URL; nil:
	// this one does not.
	Past *time.Time
}

const chatSession = 180 // minutes, the most that the service gives

// ChatToken lets somebody into the room of a channel, unless they are banned. Everybody may read and write, as far as
// the chat's modes let them; the channel's owner and moderators may also delete messages and disconnect people.
func (a *App) ChatToken(ctx context.Context, username string, who Chatter) (ChatPass, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return ChatPass{}, err
	}
	if err := a.admit(ctx, c, who); err != nil {
		return ChatPass{}, err
	}
	role, err := a.roleOf(ctx, c, who)
	if err != nil {
		return ChatPass{}, err
	}
	capabilities, err := a.mayChat(ctx, c, who, role)
	if err != nil {
		return ChatPass{}, err
	}
	now := a.stamp()
	attributes := map[string]string{"username": who.Name, "displayName": who.Name, "role": string(role)}
	if role.moderates() {
		attributes["badge"] = string(role)
	}
	out, err := a.Rooms.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
		RoomIdentifier:           &c.RoomARN,
		UserId:                   &who.UserID,
		Capabilities:             capabilities,
		SessionDurationInMinutes: aws.Int32(chatSession),
		Attributes:               attributes,
	})
	if err != nil {
		return ChatPass{}, asked("entering the chat", err)
	}
	pass := ChatPass{
		Token:        aws.ToString(out.Token),
		TokenExpires: aws.ToTime(out.TokenExpirationTime), SessionExpires: aws.ToTime(out.SessionExpirationTime),
		UserID: who.UserID, DisplayName: who.Name,
	}
	if a.has(ctx, "chat-history") {
		pass.Past = &now
	}
	for _, c := range capabilities {
		pass.Capabilities = append(pass.Capabilities, string(c))
	}
	return pass, nil
}
