import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { formatDb } from '../../src/shared/format';
import { bestPoint, type CurvePoint } from '../charts/errorSplitScales';
import { codesText, pointText, sqnrText } from '../charts/rangeText';
import { Fact } from './Fact';
import { foretoldDb, type LayerForecast } from './layerForecast';

interface RangeReadoutProps {
  curve: ErrorSplitCurve;
  point: CurvePoint;
  points: readonly CurvePoint[];
  /** undefined: the layer was not measured. */
  forecast: LayerForecast | undefined;
}

/** What the range under the handle gives. */
export function RangeReadout({ curve, point, points, forecast }: RangeReadoutProps) {
  const error = (db: number | null): string => (db === null ? 'none' : db.toFixed(1));
  return (
    <dl class="facts column range-readout">
      <Fact name="Range" value={pointText(curve, point)} />
      <Fact name="SQNR" value={sqnrText(point.totalDb)} note={distanceText(point, bestPoint(points))} />
      <Fact
        name="Error"
        value={`clipping ${error(point.clippingDb)}, rounding ${error(point.roundingDb)} dB`}
      />
      <Fact name="Codes used" value={codesText(point.codes, curve)} />
      {forecast && (
        <Fact
          name="Local SQNR"
          value={`about ${formatDb(foretoldDb(forecast, point))}`}
          note="at the layer's own output, foretold from the scan"
        />
      )}
    </dl>
  );
}

/** How far from the best range. */
function distanceText({ totalDb }: CurvePoint, best: CurvePoint | undefined): string {
  if (totalDb === null || !best || best.totalDb === null) return 'no range is better';
  const below = totalDb - best.totalDb;
  return below < 0.05 ? 'no range is better' : `${below.toFixed(1)} dB below the best range`;
}
