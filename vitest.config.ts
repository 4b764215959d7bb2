import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/vscode/**'],
    testTimeout: 60_000,
    pool: 'forks',
    // Every core works, and keeps its process from file to file: to load the product anew for each took a third of the time.
    maxWorkers: '100%',
    isolate: false,
  },
});
