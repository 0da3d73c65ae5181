export function findPeer(version: string): string | undefined;
export function peerBinary(version: string, log: (line: string) => void): Promise<string>;
