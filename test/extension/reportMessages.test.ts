import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReportData, ReportResult } from '../../src/core/reportResults';
import { describeReported, questionForFolder } from '../../src/extension/commands/messages';

const measured = JSON.parse(
  readFileSync(join(import.meta.dirname, '../shared/report/mnist.json'), 'utf8'),
) as ReportData;
const report: ReportData = {
  ...measured,
  bytes: { a: 2_000_000, b: 500_000 },
  outputs: measured.outputs.map((output) => ({ ...output, name: 'logits', sqnrDb: 35.43 })),
  samples: 600,
  unmatched: { a: [], b: [] },
  notes: [],
};
const written: ReportResult = {
  folder: '/m/model.report',
  files: ['report.md', 'layers.csv', 'report.json'],
  report,
};

describe('describeReported', () => {
  it('tells where the report is, and its first figures with their slice', () => {
    expect(describeReported(written, { isUnsaved: false, random: false })).toBe(
      'Wrote a report into model.report (3 files): 2.00 MB → 500 kB (25.0 %), output SQNR on 600 samples of the verify slice: logits 35.4 dB.',
    );
  });

  it('says when the plan is on no disk, inputs were random, and what is missing', () => {
    const incomplete = {
      ...report,
      unmatched: { a: [{ layer: 'fc', reason: 'Gone.' }], b: [] },
      notes: ['n'],
    };
    const sentence = describeReported({ ...written, report: incomplete }, { isUnsaved: true, random: true });
    expect(sentence).toContain('of the plan as the editor shows it, which is not saved yet.');
    expect(sentence).toContain('on 600 random samples of the verify slice');
    expect(sentence).toContain('Measured with random inputs: figures will not hold for real data.');
    expect(sentence).toContain('1 layer could not be compared. 1 note in the log.');
  });
});

describe('questionForFolder', () => {
  it('names the folder and the first files that are not of a report', () => {
    expect(questionForFolder('photos', ['a.jpg', 'b.jpg'])).toEqual({
      question: 'photos has other files in it. Write the report among them?',
      detail: 'Left alone: a.jpg, b.jpg. Files of an earlier report are replaced.',
    });
    expect(questionForFolder('photos', ['a', 'b', 'c', 'd', 'e']).detail).toMatch(
      /^Left alone: a, b, c and 2 more\. /,
    );
  });
});
