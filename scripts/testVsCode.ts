// Runs the end-to-end tests: `npm run test:vscode [-- PART_OF_A_FILE_NAME …]`.
//
// A browser, a server and an engine share two cores in each, and now and then a key reaches nobody. A file that failed is
// therefore run once more, alone, and what passed only then is named at the end: it is a test to be mended.
import { relative } from 'node:path';
import { startVitest } from 'vitest/node';
import { projectRoot } from './vscode/paths';

/** When more files than this failed, something is broken, and a second run would only say so later. */
const AGAIN_AT_MOST = 3;

/** Runs the files whose names contain one of the filters, and returns the absolute paths of those that failed. */
async function failedFiles(filters: readonly string[], maxWorkers?: number): Promise<string[]> {
  const options = { config: 'vitest.vscode.config.ts', watch: false, root: projectRoot };
  const vitest = await startVitest(
    'test',
    [...filters],
    maxWorkers === undefined ? options : { ...options, maxWorkers },
  );
  const modules = vitest.state.getTestModules();
  const failed = modules.filter((module) => !module.ok()).map((module) => module.moduleId);
  const broken = modules.length === 0 || vitest.state.getUnhandledErrors().length > 0;
  await vitest.close();
  if (broken && failed.length === 0) throw new Error('No end-to-end test ran to its end; see above.');
  return failed;
}

const failed = await failedFiles(process.argv.slice(2));
if (failed.length > 0 && failed.length <= AGAIN_AT_MOST) {
  const names = failed.map((file) => relative(projectRoot, file)).join(', ');
  console.log(`\nOnce more, alone: ${names}\n`);
  const still = await failedFiles(failed, 1);
  process.exitCode = still.length > 0 ? 1 : 0;
  if (still.length === 0) console.log(`\nPassed only when run a second time, alone: ${names}\n`);
}
