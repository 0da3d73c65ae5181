import { WATCH_SUSPICIOUS_EVENTS } from './limits.js';

/** Everyone who watches: the system has one queue of events for all of this process, and drops what does not fit. */
const watching = new Set<() => void>();
let eventsInTurn = 0;

/** From now on `onLoss` is called when events may have been lost. Returns how to end that. */
export function listenForLoss(onLoss: () => void): () => void {
  watching.add(onLoss);
  return () => void watching.delete(onLoss);
}

/** To be called with every event. When so many come in one turn of the event loop, the queue was probably full. */
export function countEvent(): void {
  if (eventsInTurn++ > 0) return;
  setImmediate(() => {
    const suspicious = eventsInTurn >= WATCH_SUSPICIOUS_EVENTS;
    eventsInTurn = 0;
    if (suspicious) for (const onLoss of [...watching]) onLoss();
  });
}
