// What several judges make or expect.
import { generateKeyPairSync } from 'node:crypto';
import { region } from '../common.mjs';
import { arn } from './kit.mjs';

/** A channel of which nothing was said. */
export const plainChannel = {
  adConfigurationArn: '', arn: arn('ivs', 'channel'), authorized: false, containerFormat: 'TS', ingestEndpoint: /^[^/]+$/,
  insecureIngest: false, latencyMode: 'LOW', multitrackInputConfiguration: { enabled: false, policy: 'ALLOW', maximumResolution: 'FULL_HD' },
  name: '', playbackRestrictionPolicyArn: '', playbackUrl: new RegExp(`/api/video/v1/${region}\\.\\d{12}\\.channel\\.[A-Za-z0-9]{12}\\.m3u8$`),
  preset: '', recordingConfigurationArn: '', srt: { endpoint: /^[^/]+$/, passphrase: /^[A-Za-z0-9]{10,79}$/ }, tags: {}, type: 'STANDARD',
};

/** The name of a playback configuration at AWS Elemental MediaTailor. */
export const tailor = (name) => `arn:aws:mediatailor:${region}:000000000000:playbackConfiguration/${name}`;

/** A fresh public key of the curve that playback and participant tokens are signed on, or of another. */
export const publicKey = (namedCurve = 'P-384') => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' });
