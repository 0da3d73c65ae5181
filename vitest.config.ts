import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    environment: 'node',
    // Tests start children, send signals and count descriptors: each file has a process of its own.
    pool: 'forks',
    // Most tests wait for something most of the time; a suite that uses the whole machine makes its own deadlines late.
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
