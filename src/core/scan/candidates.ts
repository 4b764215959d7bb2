import type { Candidate, ScanMetric } from '../results';
import type { Work } from '../ports';
import { candidateKey, candidateName, formatName, type CandidateName, type ScanFormat } from './formats';
import type { SampleFigures } from './sampleFigures';
import { summarize } from './summary';

/** What the figures of candidates are. */
export interface MeasuredAs {
  readonly metric: ScanMetric;
  readonly samples: number;
}

export type CandidateListener = (candidate: Candidate, measured: MeasuredAs) => void;

/** The candidates of a scan: what is to be measured, and what has been. */
export class Candidates {
  private readonly measured = new Map<string, Candidate>();

  /** @param options `known` candidates with an error, or measured on as many samples, count as measured. */
  constructor(
    private readonly names: readonly string[],
    readonly formats: readonly ScanFormat[],
    private readonly options: {
      readonly direction?: 'only' | 'allBut';
      readonly known?: readonly Candidate[];
      readonly onCandidate?: CandidateListener;
      readonly onStart?: (candidate: CandidateName) => void;
    },
    private readonly as: MeasuredAs,
    private readonly work: Work,
  ) {
    const wanted = new Set(
      names.flatMap((layer) => formats.map((format) => candidateKey(candidateName(layer, format)))),
    );
    for (const candidate of options.known ?? []) {
      const isFinal = candidate.error !== undefined || candidate.trials === as.samples;
      const key = candidateKey(candidate);
      if (isFinal && !candidate.provisional && wanted.has(key)) this.measured.set(key, candidate);
    }
  }

  get total(): number {
    return this.names.length * this.formats.length;
  }

  /** By layer, then by format, each as asked for: the same whatever the order of measuring. */
  get done(): Candidate[] {
    return this.names.flatMap((layer) => this.formats.flatMap((format) => this.get(layer, format) ?? []));
  }

  /** True when nothing is left to measure, in either direction that was asked for. */
  get isComplete(): boolean {
    const { direction } = this.options;
    const isDone = ({ error, restoring }: Candidate): boolean =>
      direction !== 'allBut' || error !== undefined || restoring !== undefined;
    return this.measured.size === this.total && [...this.measured.values()].every(isDone);
  }

  /** The candidate as measured. */
  get(layer: string, format: ScanFormat): Candidate | undefined {
    return this.measured.get(candidateKey(candidateName(layer, format)));
  }

  has(layer: string, format: ScanFormat): boolean {
    return this.measured.has(candidateKey(candidateName(layer, format)));
  }

  starts(layer: string, format: ScanFormat): void {
    const name = candidateName(layer, format);
    this.options.onStart?.(name);
    this.tell(`Scanning ${layer} as ${formatName(name)}`);
  }

  /** Says that codes are chosen, which may take much longer than to measure them. */
  computes(layer: string, format: ScanFormat): void {
    this.tell(`Choosing the codes of ${layer} as ${formatName(candidateName(layer, format))}`);
  }

  add(candidate: Candidate): void {
    this.measured.set(candidateKey(candidate), candidate);
    this.options.onCandidate?.(candidate, this.as);
  }

  private tell(message: string): void {
    this.work.onProgress?.(this.measured.size, this.total, message);
  }

  /** @param figures of every sample. */
  measure(layer: string, format: ScanFormat, bytes: number, figures: readonly SampleFigures[]): void {
    this.add({ ...candidateName(layer, format), bytes, ...summarize(figures, this.as.metric) });
  }

  fail(layer: string, format: ScanFormat, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.add({
      ...candidateName(layer, format),
      sensitivity: null,
      localSqnrDb: null,
      bytes: 0,
      error: why,
    });
  }
}
