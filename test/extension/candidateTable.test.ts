import { describe, expect, it } from 'vitest';
import { CandidateTable } from '../../src/extension/editor/candidateTable';
import { candidate } from './openSession';

describe('CandidateTable', () => {
  const guess = candidate('a', 0.9, { provisional: true });

  it('replaces guesses by figures and figures by newer ones, but no figure by a guess', () => {
    const table = new CandidateTable();
    expect(table.add([guess])).toEqual(['a']);
    expect(table.has({ layer: 'a', scheme: 'w8a8' })).toBe(false);
    expect(table.add([candidate('a', 0.1)])).toEqual(['a']);
    expect(table.add([guess])).toEqual([]);
    expect(table.shown('a', 'w8a8')).toEqual(candidate('a', 0.1));
    table.add([candidate('a', 0.2)]);
    expect(table.measured()).toEqual([candidate('a', 0.2)]);
  });

  it('takes one that failed for measured', () => {
    const table = new CandidateTable();
    const failed = candidate('a', null, { error: 'It crashed.' });
    table.add([failed, guess]);
    expect(table.measured('a')).toEqual([failed]);
  });

  it('shows the planned format, then w8a8, then any; what was measured before what was guessed', () => {
    const table = new CandidateTable();
    const [w4, lut] = ['w4', 'lut16'].map((scheme) => candidate('a', 1, { scheme, provisional: true }));
    table.add([lut ?? guess, w4 ?? guess]);
    expect(table.shown('a', 'w4')?.scheme).toBe('w4');
    expect(table.shown('a', 'w8')?.scheme).toBe('lut16');
    table.add([candidate('a', 1, { scheme: 'w8a16' })]);
    expect(table.shown('a', 'w4')?.scheme).toBe('w8a16');
    table.add([candidate('a', 1)]);
    expect(table.shown('a', 'w4')?.scheme).toBe('w8a8');
    table.add([candidate('a', 1, { scheme: 'w4' })]);
    expect(table.shown('a', 'w4')?.scheme).toBe('w4');
    expect(table.shown('b', 'w4')).toBeUndefined();
    // Beside it, one that is compensated, as the plan may be.
    const compensated = candidate('a', 0.5, { scheme: 'w4', recover: 'gptq' });
    table.add([compensated]);
    expect(table.shown('a', 'w4', true)).toEqual(compensated);
    expect(table.shown('a', 'w4')?.recover).toBeUndefined();
    expect(table.has({ layer: 'a', scheme: 'w4', recover: 'gptq' })).toBe(true);
    expect(table.has({ layer: 'a', scheme: 'w4', recover: 'gptq,bias' })).toBe(false);
    expect(table.shown('a', 'w8a8', true)?.scheme).toBe('w8a8');
  });
});
