import { defineConfig } from 'vitest/config';

/** End-to-end tests: each file drives a real VS Code of its own. */
export default defineConfig({
  test: {
    include: ['test/vscode/**/*.e2e.ts'],
    globalSetup: ['test/vscode/harness/globalSetup.ts'],
    // Each waits most of its time: two share the two cores that a machine has at least.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What is shown follows a gesture by as much as a busy machine needs; the default is one second.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
  },
});
