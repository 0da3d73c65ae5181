import { environmentId } from '../registry/contract.js';
import { RendezvousError } from './errors.js';

export const roles = ['executor', 'harness', 'operator'] as const;
/** `executor`: may register. `harness`: may list and connect. `operator`: may do both. */
export type Role = (typeof roles)[number];

/** Who asks, and what for. */
export interface Identity {
  subject: string;
  role: Role;
  /** Exact ids, or `prefix-*`; `*` is all of them. */
  environments: readonly string[];
}

/** Is it an id, or one with a `*` at its end? */
export function isEnvironmentPattern(text: string): boolean {
  return text === '*' || environmentId.safeParse(text.replace(/\*$/, '')).success;
}

export function inScope(identity: Identity, id: string): boolean {
  return identity.environments.some((pattern) =>
    pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern,
  );
}

/** Throws RendezvousError `forbidden`; the same whether or not there is such an environment. */
export function requireScope(identity: Identity, role: Exclude<Role, 'operator'>, id: string): void {
  requireRole(identity, role);
  if (inScope(identity, id)) return;
  throw new RendezvousError(
    'forbidden',
    `the credentials of \`${identity.subject}\` are not for environment \`${id}\``,
  );
}

export function requireRole(identity: Identity, role: Exclude<Role, 'operator'>): void {
  if (identity.role === role || identity.role === 'operator') return;
  throw new RendezvousError(
    'forbidden',
    `the credentials of \`${identity.subject}\` are those of an ${identity.role}: expected those of ${
      role === 'executor' ? 'an executor, to register' : 'a harness, to list and connect'
    }`,
  );
}
