import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/vscode/**'],
    testTimeout: 60_000,
    pool: 'forks',
  },
});
