import type { TomlTable } from 'smol-toml';

type Value = TomlTable[string];

/**
 * Of a TOML document only what the paths lead to, in the order of the document. A path that leads through a value that is
 * no table takes that value; tables on the way stay, also empty.
 */
export function selectToml(table: TomlTable, paths: readonly (readonly string[])[]): TomlTable {
  const selected: TomlTable = Object.create(null);
  for (const [key, value] of Object.entries(table)) {
    const rests = paths.filter(([first]) => first === key).map((path) => path.slice(1));
    if (rests.length === 0) continue;
    const whole = !isTable(value) || rests.some((rest) => rest.length === 0);
    selected[key] = whole ? value : selectToml(value, rests);
  }
  return selected;
}

/** The value at the end of the path, if every step of it is there. */
export function valueAt(table: TomlTable, path: readonly string[]): Value | undefined {
  return path.reduce<Value | undefined>(
    (value, key) => (isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    table,
  );
}

function isTable(value: Value | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}
