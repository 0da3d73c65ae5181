/** A value, or how to get it anew for every dial: tokens expire. */
export type PerDial<T> = T | (() => T | Promise<T>);

export async function forThisDial<T>(value: PerDial<T> | undefined): Promise<T | undefined> {
  return typeof value === 'function' ? await (value as () => T | Promise<T>)() : value;
}
