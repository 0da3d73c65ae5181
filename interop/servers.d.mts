export function interopFolder(): Promise<string>;
