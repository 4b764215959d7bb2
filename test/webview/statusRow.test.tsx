import { describe, expect, it } from 'vitest';
import type { ScanView, SearchView } from '../../src/shared/viewRpc';
import { StatusRow } from '../../webview/status/StatusRow';
import { renderMarkup } from '../support/renderMarkup';

const idle = { running: null, error: null };
const scanning = (paused: boolean, total = 8): ScanView => ({
  running: { done: 2, total, message: 'conv1 as w4', perSecond: 2, secondsLeft: 3, paused },
  measured: null,
  error: null,
});

const draw = (scan: ScanView, search: SearchView = { ...idle, found: null }): string =>
  renderMarkup(<StatusRow scan={scan} search={search} run={() => undefined} />);

describe('StatusRow', () => {
  it('is not there while nothing runs, but for the live region that must not come and go', () => {
    const markup = draw({ ...idle, measured: null });
    expect(markup).not.toContain('<section');
    expect(markup).toContain('role="status"');
  });

  it('shows what runs and how to pause and stop it', () => {
    const markup = draw(scanning(false));
    expect(markup).toMatch(/conv1 as w4[^]*aria-label="Scan" max="8" value="2"/);
    expect(markup).toMatch(/Pause Scan[^]*Cancel Scan/);
    expect(markup).toContain('2 of 8 · 2.0 per second · a few seconds left');
  });

  it('shows how to go on when it is paused, and no progress where none is known', () => {
    expect(draw(scanning(true))).toMatch(/Scan paused[^]*Resume Scan[^]*Cancel Scan/);
    expect(draw(scanning(false, 0))).toMatch(/aria-label="Scan" max="1"\/>/);
  });

  it('has a line for the search, beside that of a scan', () => {
    const search: SearchView = {
      running: { done: 3, total: 11, message: 'Verifying' },
      found: null,
      error: null,
    };
    expect(draw(scanning(false), search)).toMatch(/Cancel Scan[^]*Verifying[^]*3 of 11[^]*Cancel Search/);
  });
});
