import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReportData } from '../../../src/core/reportResults';
import { isReportFile } from '../../../src/shared/report/reportFiles';
import { renderReport } from '../../../src/shared/report/renderReport';

const report = JSON.parse(readFileSync(join(import.meta.dirname, 'mnist.json'), 'utf8')) as ReportData;

describe('isReportFile', () => {
  it('knows every file that a report of one or several outputs has', () => {
    const several = { ...report, outputs: [...report.outputs, ...report.outputs] };
    const names = [report, several].flatMap((data) => renderReport(data).map(({ name }) => name));
    expect(names).toContain('output-2.svg');
    expect(names.filter((name) => !isReportFile(name))).toEqual([]);
  });

  it('takes nothing else for one', () => {
    const others = [
      'readme.md',
      'my-report.md',
      'report.md.bak',
      'output-x.svg',
      'model.onnx',
      'layers.csv2',
    ];
    expect(others.filter(isReportFile)).toEqual([]);
  });
});
