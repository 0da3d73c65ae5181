import { z } from 'zod';
import { optional, sandboxContext, unsigned, wirePath } from './fields.js';

/** `["mcp_servers", "docs"]`: the keys that lead to a value of a TOML file. */
const tomlPath = z.array(z.string()).min(1, 'TOML paths must contain at least one key segment');

export const environmentConfigReadParams = z
  .object({ cwd: wirePath, configPaths: z.array(tomlPath), requirementsPaths: z.array(tomlPath) })
  .refine(
    ({ configPaths, requirementsPaths }) => configPaths.length + requirementsPaths.length > 0,
    'at least one config or requirements path is required',
  );

const configLayers = z.looseObject({
  /** From the weakest to the strongest. */
  layers: z.array(
    z.looseObject({
      /** For people: what kind of file it is, and its path. */
      source: z.string(),
      /** What relative paths in it start from, as a `file:` URI. */
      baseDir: z.string(),
      /** Of that file only what was asked for. */
      toml: z.string(),
    }),
  ),
  /** Where among the layers those of an organization go, which the client has from elsewhere. */
  cloudInsertionIndex: unsigned,
});
export type ConfigLayers = z.output<typeof configLayers>;

export const environmentConfigReadResult = z.looseObject({
  userHomeDir: z.string().nullish(),
  codexHomeDir: z.string(),
  hostname: z.string().nullish(),
  config: configLayers,
  requirements: configLayers,
});

export const discoverV2Params = z.object({ cwd: wirePath, sandbox: optional(sandboxContext) });

const skill = z.looseObject({
  name: z.string(),
  description: z.string(),
  shortDescription: z.string().nullish(),
  /** The SKILL.md, as a `file:` URI. */
  path: z.string(),
  discoveryRoot: z.looseObject({ id: z.string(), path: z.string() }).nullish(),
});

export const discoverV2Result = z.looseObject({
  plugins: z.array(z.unknown()),
  skills: z.array(skill),
  warnings: z.array(z.string()),
});
