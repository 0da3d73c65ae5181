/** The server answered, but wrongly: its times must not be reported at all. */
export class InvalidResult extends Error {
  constructor(message) {
    super(message);
    this.name = 'InvalidResult';
  }
}

export function mustEqual(what, actual, expected) {
  if (actual !== expected) throw new InvalidResult(`${what}: expected ${expected}, got ${actual}`);
}
