import fc from 'fast-check';

const codePoint = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0x7f }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x1_0000, max: 0x10_ffff }) },
);

/** Text of any characters, control characters included, and no half surrogate pairs. What `unit: 'binary'` gives takes 2 s to build. */
export const anyText = fc.string({
  unit: codePoint.map((code) => (code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code))),
});
