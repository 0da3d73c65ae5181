// From sending process/start of the shortest possible command to the arrival of its process/closed.
const BATCH = 10;

function startClosed(name, tty, bar) {
  return {
    name,
    summary: `process/start of /bin/true to process/closed, ${tty ? 'tty' : 'pipes'}`,
    metrics: [{ key: 'time', unit: 'ms', better: 'lower', bar }],
    rounds: { full: 12, quick: 3 },
    async round({ client }) {
      return { time: await startClosedTimes(client, { tty, count: BATCH }) };
    },
  };
}

export async function startClosedTimes(client, { tty, count }) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const tracked = client.start(['/bin/true'], { tty });
    await tracked.finished({ bytes: 0 });
    times.push(tracked.closedAt - tracked.sentAt);
  }
  return times;
}

export const startClosedPipe = startClosed('start-closed-pipe', false, { ratio: 0.06 });
export const startClosedTty = startClosed('start-closed-tty', true, { ratio: 0.06, goal: true });
