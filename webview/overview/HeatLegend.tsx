import { formatNumber } from '../../src/shared/format';
import { HATCH_ID } from '../tree/SensitivityCell';
import { METRICS, type BarScales, type Measured } from '../tree/sensitivity';
import { HEAT_DECADES } from './heat';

const STEPS = [1, 2, 3, 4, 5] as const;
const SIDE = 14;

interface HeatLegendProps {
  scales: BarScales;
  measured: Measured;
  hasGuesses: boolean;
}

/** What colours and filled heights mean. The shapes' own labels say the same. Pure. */
export function HeatLegend({ scales, measured, hasGuesses }: HeatLegendProps) {
  return (
    <p class="legend" aria-hidden="true">
      {measured && (
        <span>
          <Swatches />
          {rangeText(scales, measured)}
        </span>
      )}
      {hasGuesses && (
        <span>
          <svg width={SIDE} height={SIDE} class="icicle">
            <g class="shape heat-3">
              <rect class="box" width={SIDE} height={SIDE} />
              <rect
                class="fill guess"
                fill={`url(#${HATCH_ID})`}
                y={SIDE / 2}
                width={SIDE}
                height={SIDE / 2}
              />
            </g>
          </svg>
          guess from the weights
        </span>
      )}
      <span>
        <svg width={SIDE} height={SIDE} class="icicle">
          <g class="shape unmeasured">
            <rect class="box" width={SIDE} height={SIDE} />
          </g>
        </svg>
        not measured
      </span>
    </p>
  );
}

function Swatches() {
  return (
    <svg width={STEPS.length * SIDE} height={SIDE} class="icicle">
      {STEPS.map((step, index) => (
        <g key={step} class={`shape heat-${step}`}>
          <rect class="box" x={index * SIDE} width={SIDE - 1} height={SIDE} />
          <rect
            class="fill"
            x={index * SIDE}
            y={SIDE * (1 - step / STEPS.length)}
            width={SIDE - 1}
            height={(SIDE * step) / STEPS.length}
          />
        </g>
      ))}
    </svg>
  );
}

function rangeText({ measured: { low, high } }: BarScales, measured: NonNullable<Measured>): string {
  const least =
    measured.metric === 'sqnr' ? formatNumber(low) : `${formatNumber(high / 10 ** HEAT_DECADES)} or less`;
  return `sensitivity ${least} to ${formatNumber(high)} (${METRICS[measured.metric]})`;
}
