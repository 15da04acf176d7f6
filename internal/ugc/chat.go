package ugc

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"
)

// Chatter is who asks to chat: a signed-in person, or a guest.
type Chatter struct {
	UserID string // as the room knows them
	Name   string // as people see them
	Guest  bool
}

// ChatPass is what a browser needs to enter a room. The token works once, until TokenExpires.
type ChatPass struct {
	Token          string
	TokenExpires   time.Time
	SessionExpires time.Time
	UserID         string
	DisplayName    string
	Capabilities   []string
}

const chatSession = 180 // minutes, the most that the service gives

// ChatToken lets somebody into the room of a channel. Everybody may read and write; the channel's owner
// may also delete messages and disconnect people.
func (a *App) ChatToken(ctx context.Context, username string, who Chatter) (ChatPass, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return ChatPass{}, err
	}
	role, capabilities := "viewer", []chattypes.ChatTokenCapability{chattypes.ChatTokenCapabilitySendMessage}
	switch {
	case who.Guest:
		role = "guest"
	case who.UserID == c.UserID:
		role = "owner"
		capabilities = append(capabilities, chattypes.ChatTokenCapabilityDeleteMessage, chattypes.ChatTokenCapabilityDisconnectUser)
	}
	out, err := a.Rooms.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
		RoomIdentifier:           &c.RoomARN,
		UserId:                   &who.UserID,
		Capabilities:             capabilities,
		SessionDurationInMinutes: aws.Int32(chatSession),
		Attributes:               map[string]string{"username": who.Name, "displayName": who.Name, "role": role},
	})
	if err != nil {
		return ChatPass{}, asked("entering the chat", err)
	}
	pass := ChatPass{
		Token:        aws.ToString(out.Token),
		TokenExpires: aws.ToTime(out.TokenExpirationTime), SessionExpires: aws.ToTime(out.SessionExpirationTime),
		UserID: who.UserID, DisplayName: who.Name,
	}
	for _, c := range capabilities {
		pass.Capabilities = append(pass.Capabilities, string(c))
	}
	return pass, nil
}
