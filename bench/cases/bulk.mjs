const MIB = 1024 * 1024;
export const BULK_BYTES = 256 * MIB;
export const BULK_ARGV = ['head', '-c', String(BULK_BYTES), '/dev/zero'];

export const bulk = {
  name: 'bulk',
  summary: `${BULK_BYTES / MIB} MiB of output from one process, process/start to its last notification`,
  metrics: [{ key: 'throughput', unit: 'MiB/s', better: 'higher', bar: { ratio: 1 } }],
  rounds: { full: 5, quick: 2 },
  async round({ client }) {
    const tracked = client.start(BULK_ARGV);
    await tracked.finished({ bytes: BULK_BYTES });
    const seconds = (tracked.completeAt - tracked.sentAt) / 1000;
    return { throughput: [BULK_BYTES / MIB / seconds] };
  },
};
