// The three clients of the AWS SDK for JavaScript, told nothing at all.
import { IvsClient, ListChannelsCommand } from '@aws-sdk/client-ivs';
import { IVSRealTimeClient, ListStagesCommand } from '@aws-sdk/client-ivs-realtime';
import { IvschatClient, ListRoomsCommand } from '@aws-sdk/client-ivschat';

await new IvsClient({}).send(new ListChannelsCommand({}));
await new IVSRealTimeClient({}).send(new ListStagesCommand({}));
await new IvschatClient({}).send(new ListRoomsCommand({}));
