import { fork, type ChildProcess } from 'node:child_process';
import { CancelledError } from '../core/errors';
import type { EngineMethod, Progress } from '../shared/rpc';
import { EngineCrashError, errorOfReply } from './engineErrors';
import { engineEnvironment, engineFlags } from './engineMemory';
import type { FromEngine, MethodRequest, MethodResult, ToEngine } from './messages';
import { removeTemporaryFiles } from './temporaryFiles';

/** A cancel has to answer within a second, the time to end the process included. */
const CANCEL_GRACE_MS = 800;

export interface EngineClientOptions {
  /** The bundled entry of the engine process, dist/engine.mjs. */
  readonly enginePath: string;
  /** Gets what the engine writes to stdout and stderr, and why it was started or ended. Text ends with a newline. */
  readonly onLog?: (text: string) => void;
  /** How long a cancelled call may take to answer before the engine is killed. */
  readonly cancelGraceMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** A cancel that the engine is too busy to answer does not end it, and with it what else it does. */
  readonly isGentle?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

interface PendingCall {
  readonly method: EngineMethod;
  readonly onProgress?: (progress: Progress) => void;
  resolve(result: unknown): void;
  reject(error: Error): void;
  cancelled: boolean;
}

/** How much of the engine's stderr a crash message may quote. */
const STDERR_TAIL = 2000;

/** Lines that Node prints around an error when it aborts, a stack trace and its version: they say nothing to a user. */
const noise = /^\s*(?:\d+: |at |-----|Node\.js v)/;

/**
 * The caller's side of the engine process. The process starts on the first call and again on the first call after it
 * ended, for whatever reason.
 */
export class EngineClient {
  #engine: EngineProcess | undefined;
  #disposed = false;

  constructor(private readonly options: EngineClientOptions) {}

  /** Process id of the running engine; undefined when none runs. */
  get pid(): number | undefined {
    return this.#engine?.pid;
  }

  /**
   * Runs `method` in the engine.
   * @throws CancelledError once `signal` was aborted and the work has stopped: then no file of it is left. Also when Ctrl+C has
   * ended the engine.
   * @throws EngineCrashError when the engine process ended before it answered.
   * @throws InputError, OnnxFileError, RuntimeFailure or InternalError as the engine replied.
   */
  async call<M extends EngineMethod>(
    method: M,
    request: MethodRequest<M>,
    { signal, isGentle, onProgress }: CallOptions = {},
  ): Promise<MethodResult<M>> {
    if (this.#disposed) throw new EngineCrashError('The engine was shut down.');
    if (signal?.aborted) throw new CancelledError();
    const engine = (this.#engine ??= this.#start());
    return (await engine.call(method, request, { signal, isGentle, onProgress })) as MethodResult<M>;
  }

  /** Kills the engine; calls under way reject. The client cannot be used afterwards. */
  dispose(): void {
    this.#disposed = true;
    this.#engine?.kill('Roundoff is closing.');
  }

  #start(): EngineProcess {
    const engine: EngineProcess = new EngineProcess(this.options, () => {
      if (this.#engine === engine) this.#engine = undefined;
    });
    return engine;
  }
}

/** One life of the engine process. */
class EngineProcess {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PendingCall>();
  #nextId = 1;
  #temporaryFiles: readonly string[] = [];
  #stderr = '';
  /** Why we killed it; undefined while it may only end by itself. */
  #killReason: string | undefined;
  #ended = false;

  constructor(
    private readonly options: EngineClientOptions,
    /** Called as soon as no further call may be sent. */
    private readonly onUnusable: () => void,
  ) {
    this.#child = fork(options.enginePath, [], {
      execArgv: [...engineFlags],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: engineEnvironment(process.env),
    });
    this.#log(`Engine process ${this.#child.pid ?? '?'} started.\n`);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#log(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
      this.#log(text);
    });
    this.#child.on('message', (message) => this.#receive(message as FromEngine));
    this.#child.on('error', (error) => this.#end(`could not be started or reached (${error.message})`));
    // 'close' comes after 'exit', once stderr has been read to its end.
    this.#child.on('exit', this.onUnusable);
    this.#child.on('close', (code, signal) => {
      // Ctrl+C reaches the whole process group, and may end an engine that does not listen yet before our own handler runs.
      if (signal === 'SIGINT') for (const call of this.#calls.values()) call.cancelled = true;
      this.#end(`stopped with ${signal ?? `exit code ${code}`}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  call(
    method: EngineMethod,
    request: unknown,
    { signal, isGentle = false, onProgress }: CallOptions,
  ): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      let killTimer: NodeJS.Timeout | undefined;
      const onAbort = (): void => {
        call.cancelled = true;
        this.#send({ cancel: id });
        if (isGentle) return;
        killTimer = setTimeout(
          () =>
            this.kill(
              `It did not stop in time when ${method} was cancelled; it starts again on the next call.`,
            ),
          this.options.cancelGraceMs ?? CANCEL_GRACE_MS,
        );
      };
      const settle = (): void => {
        clearTimeout(killTimer);
        signal?.removeEventListener('abort', onAbort);
        this.#calls.delete(id);
      };
      const call: PendingCall = {
        method,
        onProgress,
        cancelled: false,
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#calls.set(id, call);
      signal?.addEventListener('abort', onAbort);
      this.#send({ call: method, id, request });
    });
  }

  kill(reason: string): void {
    this.#killReason ??= reason;
    this.onUnusable();
    this.#child.kill('SIGKILL');
  }

  #send(message: ToEngine): void {
    // A send that fails means that the process is ending: 'close' or 'error' rejects what is pending.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(message: FromEngine): void {
    if ('temporaryFiles' in message) {
      this.#temporaryFiles = message.temporaryFiles;
      return;
    }
    const call = this.#calls.get(message.id);
    if (!call) return;
    if ('progress' in message) call.onProgress?.(message.progress);
    else if ('ok' in message) call.resolve(message.ok);
    else call.reject(errorOfReply(message.err));
  }

  #end(how: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onUnusable();
    removeTemporaryFiles(this.#temporaryFiles);
    this.#log(
      `Engine process ${this.#child.pid ?? '?'} ${this.#killReason ? 'killed: ' + this.#killReason : how}\n`,
    );
    const lastWords = this.#stderr.split('\n').findLast((line) => line.trim() !== '' && !noise.test(line));
    for (const call of [...this.#calls.values()]) {
      if (call.cancelled) call.reject(new CancelledError());
      else call.reject(new EngineCrashError(this.#crashMessage(call.method, how, lastWords)));
    }
  }

  #crashMessage(method: EngineMethod, how: string, lastWords: string | undefined): string {
    if (this.#killReason) {
      return `The engine process was ended during ${method}. ${this.#killReason}`;
    }
    const said = lastWords ? ` Its last line was: ${lastWords}` : '';
    return `The engine process ${how} during ${method}. It starts again on the next call.${said}`;
  }

  #log(text: string): void {
    this.options.onLog?.(text);
  }
}
