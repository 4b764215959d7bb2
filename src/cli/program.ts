import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { CancelledError } from '../core/errors';
import type { RewritePass } from '../core/results';
import { errorReplyOf } from '../engine/engineErrors';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { addCacheCommand, type CacheVerb } from './cacheCommand';
import { addCompareOptions, type CompareOptions } from './compareOptions';
import { addExplainOptions, type ExplainOptions } from './explainOptions';
import { addInspectOptions, type InspectOptions } from './inspectOptions';
import { addQuantizeOptions, type QuantizeOptions } from './quantizeOptions';
import { addReportOptions, type ReportOptions } from './reportOptions';
import { addRewriteOptions, type RewriteOptions } from './rewriteOptions';
import { addScanOptions, type ScanOptions } from './scanOptions';
import { addSearchOptions, type SearchOptions } from './searchOptions';
import { printable } from './text';

/**
 * Runs the command line.
 * @param args what follows the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 bad usage, 3 a requested limit was not met, 130 cancelled.
 */
export async function runCli(args: readonly string[], terminal: CliIo): Promise<number> {
  const io: CliIo = { ...terminal, stdout: (text) => terminal.stdout(printable(text)) };
  let exitCode: number = ExitCode.done;
  const program = new Command('roundoff')
    .description(
      'Inspect ONNX models, measure what quantization does to each layer, and write quantized models.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError('(run with --help for the options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 bad usage, 3 a requested limit was not met, 130 cancelled.',
    );

  // Each verb is loaded when it is called: `inspect` should not wait for what the others need.
  addInspectOptions(program.command('inspect')).action(async (file: string, options: InspectOptions) => {
    const { inspect } = await import('./inspect');
    exitCode = await inspect(file, options, io);
  });
  addQuantizeOptions(program.command('quantize')).action(async (file: string, options: QuantizeOptions) => {
    const { quantize } = await import('./quantize');
    exitCode = await quantize(file, options, io);
  });
  addScanOptions(program.command('scan')).action(async (file: string, options: ScanOptions) => {
    const { scan } = await import('./scan');
    exitCode = await scan(file, options, io);
  });
  addExplainOptions(program.command('explain')).action(async (file: string, options: ExplainOptions) => {
    const { explain } = await import('./explain');
    exitCode = await explain(file, options, io);
  });
  addSearchOptions(program.command('search')).action(async (file: string, options: SearchOptions) => {
    const { search } = await import('./search');
    exitCode = await search(file, options, io);
  });
  addCompareOptions(program.command('compare')).action(
    async (a: string, b: string, options: CompareOptions) => {
      const { compare } = await import('./compare');
      exitCode = await compare(a, b, options, io);
    },
  );
  addReportOptions(program.command('report')).action(async (file: string, options: ReportOptions) => {
    const { report } = await import('./report');
    exitCode = await report(file, options, io);
  });
  addRewriteOptions(program.command('rewrite')).action(
    async (pass: RewritePass, file: string, options: RewriteOptions) => {
      const { rewrite } = await import('./rewrite');
      exitCode = await rewrite(pass, file, options, io);
    },
  );
  addCacheCommand(program.command('cache')).action(
    async (verb: CacheVerb, options: { cache?: string; json?: boolean }) => {
      const { cache } = await import('./cache');
      exitCode = await cache(verb, options, io);
    },
  );

  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeFor(error, io);
  }
}

function exitCodeFor(error: unknown, io: CliIo): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (error instanceof CancelledError) {
    io.stderr('Cancelled.\n');
    return ExitCode.cancelled;
  }
  if (error instanceof UsageError) {
    io.stderr(printable(`error: ${error.message}\n`));
    return ExitCode.usage;
  }
  const { kind, message } = errorReplyOf(error);
  io.stderr(printable(`error: ${message}\n`));
  // The engine's own defects are in its output, which is not shown here.
  if (kind === 'internal' && error instanceof Error && error.stack) io.stderr(`${error.stack}\n`);
  return ExitCode.failed;
}
