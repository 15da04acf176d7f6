package e2e

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
)

func (g *gopher) chat() {
	c := ivschat.NewFromConfig(g.aws)
	logs := &types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String("logs")}}
	logging := works(g, c.CreateLoggingConfiguration, &ivschat.CreateLoggingConfigurationInput{DestinationConfiguration: logs}).Arn
	works(g, c.GetLoggingConfiguration, &ivschat.GetLoggingConfigurationInput{Identifier: logging})
	works(g, c.UpdateLoggingConfiguration, &ivschat.UpdateLoggingConfigurationInput{Identifier: logging, Name: aws.String("gopher")})
	works(g, c.ListLoggingConfigurations, &ivschat.ListLoggingConfigurationsInput{})

	review := &types.MessageReviewHandler{Uri: aws.String("arn:aws:lambda:" + g.e.Region + ":000000000000:function:review")}
	room := works(g, c.CreateRoom, &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*logging}, MessageReviewHandler: review}).Arn
	works(g, c.GetRoom, &ivschat.GetRoomInput{Identifier: room})
	works(g, c.UpdateRoom, &ivschat.UpdateRoomInput{Identifier: room, Name: aws.String("gopher")})
	works(g, c.ListRooms, &ivschat.ListRoomsInput{})

	works(g, c.TagResource, &ivschat.TagResourceInput{ResourceArn: room, Tags: tagged})
	works(g, c.ListTagsForResource, &ivschat.ListTagsForResourceInput{ResourceArn: room})
	works(g, c.UntagResource, &ivschat.UntagResourceInput{ResourceArn: room, TagKeys: []string{"a"}})

	works(g, c.CreateChatToken, &ivschat.CreateChatTokenInput{RoomIdentifier: room, UserId: aws.String("ann")})
	works(g, c.SendEvent, &ivschat.SendEventInput{RoomIdentifier: room, EventName: aws.String("goal")})
	works(g, c.DeleteMessage, &ivschat.DeleteMessageInput{RoomIdentifier: room, Id: aws.String("AbCdEfGh1234")})
	works(g, c.DisconnectUser, &ivschat.DisconnectUserInput{RoomIdentifier: room, UserId: aws.String("ann")})
	works(g, c.DeleteRoom, &ivschat.DeleteRoomInput{Identifier: room})
	works(g, c.DeleteLoggingConfiguration, &ivschat.DeleteLoggingConfigurationInput{Identifier: logging})
}
