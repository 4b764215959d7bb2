import { defineConfig } from 'vitest/config';

/** Put a module of their own in the place of another, which would stay there for the files after them. */
const replacing = ['test/engine/withoutRuntime.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/vscode/**', ...replacing],
          // A process is kept from file to file: to load the product anew for each took a third of the time.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'replacing', include: replacing } },
    ],
  },
});
