import { describe, expect, it } from 'vitest';
import { forEachBounded } from './for-each-bounded.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('forEachBounded', () => {
  it('works on every item once, with no more than the limit at a time', async () => {
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await forEachBounded([...Array(20).keys()], 3, async (item) => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      done.push(item);
    });
    expect(done.sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(most).toBe(3);
  });

  it('rejects with the failure after everything begun has ended, and begins nothing new', async () => {
    const events: string[] = [];
    const work = async (item: string) => {
      events.push(`${item} begins`);
      if (item === 'bad') throw new Error('bad');
      await turn();
      events.push(`${item} ends`);
    };
    await expect(forEachBounded(['slow', 'bad', 'never'], 2, work)).rejects.toThrow('bad');
    expect(events).toEqual(['slow begins', 'bad begins', 'slow ends']);
  });

  it('has nothing to do for no items', async () => {
    await forEachBounded([], 3, () => Promise.reject(new Error('called')));
  });
});
