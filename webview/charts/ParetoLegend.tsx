import type { ComponentChildren } from 'preact';
import { FRAME_HALF, POINTER, STAR } from './marks';

interface ParetoLegendProps {
  hasVerified: boolean;
  hasChosen: boolean;
  hasApplied: boolean;
  hasPicked: boolean;
}

/** What the shapes of the chart mean; only of those that are there. The points' own labels say the same. Pure. */
export function ParetoLegend({ hasVerified, hasChosen, hasApplied, hasPicked }: ParetoLegendProps) {
  return (
    <p class="legend" aria-hidden="true">
      <Key label="predicted">
        <g class="plan-point predicted">
          <circle class="mark" r="3.5" />
        </g>
      </Key>
      {hasVerified && (
        <Key label="verified ± standard error">
          <g class="plan-point verified">
            <path class="whisker" d="M0 -8V8M-3 -8h6M-3 8h6" />
            <circle class="mark" r="4.5" />
          </g>
        </Key>
      )}
      <Key label="predicted front">
        <path class="front" d="M-11 0h22" />
      </Key>
      {hasChosen && (
        <Key label="the search’s choice">
          <g class="plan-point verified">
            <path class="mark" d={STAR} />
          </g>
        </Key>
      )}
      {hasPicked && (
        <Key label="best within the budget">
          <g class="plan-point predicted">
            <path class="picked" d={POINTER} transform="translate(0 14)" />
            <circle class="mark" r="3.5" cy="7" />
          </g>
        </Key>
      )}
      {hasApplied && (
        <Key label="applied">
          <g class="plan-point">
            <rect
              class="applied"
              x={-FRAME_HALF}
              y={-FRAME_HALF}
              width={2 * FRAME_HALF}
              height={2 * FRAME_HALF}
            />
          </g>
        </Key>
      )}
    </p>
  );
}

function Key({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <span>
      <svg viewBox="-11 -11 22 22" width="18" height="18" class="pareto-chart">
        {children}
      </svg>
      {label}
    </span>
  );
}
