import { describe, expect, it } from 'vitest';
import { Notes } from '../../../webview/comparison/Notes';
import { renderMarkup } from '../../support/renderMarkup';

describe('Notes', () => {
  const draw = (count: number): string =>
    renderMarkup(<Notes notes={Array.from({ length: count }, (_, at) => `Note ${at + 1}.`)} />);

  it('shows a few at once, and many on demand', () => {
    expect(draw(0)).toBe('');
    expect(draw(1)).toMatch(/<details open[^]*1 note\n[^]*Note 1\./);
    expect(draw(4)).toMatch(/<details>[^]*4 notes\n[^]*Note 4\./);
  });
});
