import { z } from 'zod';

// What an executor and a rendezvous of ours say to each other over the control connection: JSON-RPC, the executor dials.

export const CONTROL_VERSION = 1;

/** Request of the executor, first of all. */
export const controlHello = z.looseObject({
  version: z.number().int().positive(),
  executorVersion: z.string().max(128),
  name: z.string().max(256).nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
});
export type ControlHello = z.infer<typeof controlHello>;

export const controlHelloAnswer = z.looseObject({ version: z.number().int().positive() });

/** Request of the rendezvous: a harness waits. Answered when the WebSocket is open; an error says why it is not. */
export const controlDial = z.looseObject({
  connectionId: z.string().min(1),
  /** Signed, for this one connection. */
  url: z.string().min(1),
});
export type ControlDial = z.infer<typeof controlDial>;

/** Notification of the rendezvous: register and connect again; another node will take over from this one. */
export const controlMove = z.looseObject({ reason: z.string() });

export const controlMethods = {
  hello: 'control/hello',
  dial: 'control/dial',
  move: 'control/move',
} as const;
