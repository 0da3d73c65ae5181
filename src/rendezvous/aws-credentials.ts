import { z } from 'zod';
import { type Identity, isEnvironmentPattern } from './identity.js';
import { readPrivateFile } from './private-file.js';

const credentialsFile = z.record(
  z.string().min(1).max(128),
  z.object({
    secretAccessKey: z.string().min(1),
    /** Who it is; default: the access key id. */
    subject: z.string().min(1).max(256).optional(),
    environments: z.array(z.string().refine(isEnvironmentPattern, 'expected an id, or one with `*` at its end')).min(1),
  }),
);

export interface AwsCredential {
  secretAccessKey: string;
  identity: Identity;
}

/** By access key id. */
export type AwsCredentials = ReadonlyMap<string, AwsCredential>;

/** Reads `{"ACCESS_KEY_ID": {secretAccessKey, subject?, environments}}`, mode 0600. Throws PrivateFileError. */
export function loadAwsCredentials(path: string): AwsCredentials {
  return awsCredentials(readPrivateFile(path, 'the AWS credentials file', credentialsFile));
}

/** Those of executors: harnesses come with tokens. */
export function awsCredentials(file: z.infer<typeof credentialsFile>): AwsCredentials {
  return new Map(
    Object.entries(file).map(([accessKeyId, { secretAccessKey, subject = accessKeyId, environments }]) => [
      accessKeyId,
      { secretAccessKey, identity: { subject, role: 'executor', environments } },
    ]),
  );
}
