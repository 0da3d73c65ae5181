import { z } from 'zod';
import { type EnvironmentSpec, environmentSpec, expectedObject, LOCAL_ENVIRONMENT_ID } from './spec.js';

/** Which environments there are. Plain data: from a file, from the environment, or from whoever embeds us. */
export interface EnvironmentsConfig {
  environments?: readonly EnvironmentSpec[] | undefined;
  /** An id, or `none`. Left out: `local` if that is included, else none. */
  default?: string | undefined;
  /** Can this machine be asked for as `local`? Default true. */
  includeLocal?: boolean | undefined;
}

/** The same with every choice made. */
export interface ResolvedConfig {
  environments: readonly EnvironmentSpec[];
  defaultId: string | undefined;
  includeLocal: boolean;
}

export const configField = {
  default: z.string({ error: 'expected the id of an environment, or `none`' }).trim(),
  includeLocal: z.boolean({ error: 'expected true or false' }),
};

export const environmentsConfig = z
  .strictObject(
    {
      environments: z.array(environmentSpec, { error: 'expected an array of specifications' }).readonly().optional(),
      default: configField.default.optional(),
      includeLocal: configField.includeLocal.optional(),
    },
    expectedObject('an object'),
  )
  .superRefine(checkIds);

/** Every id is there once, and the default is one of them. */
export function checkIds(config: EnvironmentsConfig, context: z.RefinementCtx): void {
  const { environments, defaultId, includeLocal } = resolveConfig(config);
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
  const ids = new Set(includeLocal ? [LOCAL_ENVIRONMENT_ID] : []);
  for (const [index, { id }] of environments.entries()) {
    if (ids.has(id)) refuse(['environments', index, 'id'], 'is the id of an earlier one too');
    ids.add(id);
  }
  if (defaultId === undefined || ids.has(defaultId)) return;
  const choices = [...ids, 'none'].map((id) => `\`${id}\``).join(', ');
  refuse(['default'], `there is no such environment: expected one of ${choices}`);
}

export function resolveConfig({
  environments = [],
  includeLocal = true,
  default: chosen = includeLocal ? LOCAL_ENVIRONMENT_ID : 'none',
}: EnvironmentsConfig): ResolvedConfig {
  return { environments, includeLocal, defaultId: chosen.toLowerCase() === 'none' ? undefined : chosen };
}
