import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Forked processes: worker threads and native handles of one file do not meet those of another.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
