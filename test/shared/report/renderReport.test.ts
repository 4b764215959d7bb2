import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReportData } from '../../../src/core/reportResults';
import { renderReport } from '../../../src/shared/report/renderReport';

/** What `roundoff report` measured on the sample, with a float layer, a layer that could not be compared, and another machine. */
const report = JSON.parse(readFileSync(join(import.meta.dirname, 'mnist.json'), 'utf8')) as ReportData;

const fileOf = (data: ReportData, name: string): string => {
  const found = renderReport(data).find((file) => file.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found.text;
};

describe('renderReport(report)', () => {
  it('gives the same files for the same data', async () => {
    const files = renderReport(report);
    expect(files.map(({ name }) => name)).toEqual([
      'report.md',
      'layer-error.svg',
      'layer-bytes.svg',
      'sensitivity.svg',
      'output.svg',
      'difference.svg',
      'layers.csv',
      'report.json',
    ]);
    for (const { name, text } of files) {
      if (name !== 'report.json') await expect(text).toMatchFileSnapshot(join('golden', `${name}.golden`));
    }
  });

  it('has all figures as JSON but single samples and the pairs of the plot', () => {
    const written = JSON.parse(fileOf(report, 'report.json')) as ReportData;
    const [output] = report.outputs;
    expect(written.outputs[0]?.details).toMatchObject({ points: [], samples: [] });
    expect({ ...written, outputs: [] }).toEqual({ ...report, outputs: [] });
    expect(written.outputs[0]?.sqnrDb).toBe(output?.sqnrDb);
  });

  it('takes names for text, not for markup', () => {
    const name = '<script>a</script> | ![x](http://y) `z` "q" & \u0007';
    const odd = { ...report, layers: report.layers.map((layer) => ({ ...layer, layer: name })) };
    const line = fileOf(odd, 'report.md')
      .split('\n')
      .find((text) => text.includes('script'));
    expect(line?.match(/(?<!\\)\|/g)).toHaveLength(9);
    expect(line).toContain('\\<script\\>');
    expect(line).toContain('!\\[x\\](http');
    for (const chart of ['layer-error.svg', 'layer-bytes.svg']) {
      expect(fileOf(odd, chart)).not.toContain('<script');
      expect(fileOf(odd, chart)).not.toContain('\u0007');
    }
    expect(fileOf(odd, 'layers.csv')).toContain('""q""');
  });

  it('has a table of what was recovered, when there was something', () => {
    const recovered: ReportData['recovered'] = {
      steps: ['gptq'],
      samples: { fit: 3, judge: 3, heldOut: false },
      beforeDb: 1,
      afterDb: 2,
      layers: [
        {
          name: 'a|b',
          rule: 'nearest',
          beforeDb: 12.345,
          afterDb: null,
          tried: [{ step: 'gptq', kept: false, beforeDb: 1, afterDb: 0 }],
        },
      ],
    };
    const text = fileOf({ ...report, recovered }, 'report.md');
    expect(text).toContain('| a\\|b | nearest | 12.35 dB | – | no gptq |');
    expect(text).toContain('judged by the output on the same, too few to hold any out');
    expect(fileOf(report, 'report.md')).not.toContain('Recovered accuracy');
    expect(fileOf({ ...report, recovered: { ...recovered, layers: [] } }, 'report.md')).not.toContain(
      'Recovered',
    );
  });

  it('leaves out what is not known', () => {
    const bare: ReportData = {
      ...report,
      scan: null,
      outputs: report.outputs.map(({ name, maxAbs }) => ({ name, sqnrDb: null, cosine: null, maxAbs })),
      layers: [],
    };
    expect(renderReport(bare).map(({ name }) => name)).toEqual([
      'report.md',
      'layer-error.svg',
      'layer-bytes.svg',
      'layers.csv',
      'report.json',
    ]);
    for (const { text } of renderReport(bare)) expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});
