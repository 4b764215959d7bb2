import { describe, expect, it } from 'vitest';
import { foretoldDb, layerForecast } from '../../webview/inspector/layerForecast';
import { candidate } from '../extension/openSession';

const measured = (scheme: string, localSqnrDb: number) => candidate('conv1', 1, { scheme, localSqnrDb });

describe('layerForecast(scheme, plannedDb, candidates)', () => {
  it('passes rounding on as measured, and clipping as it is', () => {
    // Measured with ResNet-18: 22.6 dB at the output for 15.3 dB in the weight.
    const forecast = layerForecast('w4', 15.3, [measured('w4', 22.6)]);
    if (!forecast) throw new Error('no forecast');
    expect(foretoldDb(forecast, { clippingDb: null, roundingDb: -11.5 })).toBeCloseTo(18.8, 6);
    expect(foretoldDb(forecast, { clippingDb: -6, roundingDb: null })).toBeCloseTo(6, 6);
    expect(foretoldDb(forecast, { clippingDb: null, roundingDb: null })).toBeNull();
  });

  it('keeps the noise of activations apart', () => {
    const forecast = layerForecast('w8a8', 40, [measured('w8a8', 37), measured('w8a16', 40)]);
    if (!forecast) throw new Error('no forecast');
    expect(forecast.gain).toBeCloseTo(1);
    expect(foretoldDb(forecast, { clippingDb: null, roundingDb: -40 })).toBeCloseTo(37, 6);
    expect(foretoldDb(forecast, { clippingDb: null, roundingDb: null })).toBeCloseTo(40.02, 1);
  });

  it('holds for the format with a fixed range too', () => {
    const candidates = [measured('w8,tensor', 40)];
    expect(layerForecast('w8,tensor,fixed:0.5', 38, candidates)).toEqual(
      layerForecast('w8,tensor', 38, candidates),
    );
  });

  it('tells nothing without the measurements', () => {
    expect(layerForecast('w8a8', 40, [measured('w8a8', 37)])).toBeUndefined();
    expect(layerForecast('w8', 40, [measured('w8a8', 37)])).toBeUndefined();
    expect(layerForecast('w8', null, [measured('w8', 37)])).toBeUndefined();
    const guess = { ...measured('w8', 37), provisional: true as const };
    expect(layerForecast('w8', 40, [guess])).toBeUndefined();
  });
});
