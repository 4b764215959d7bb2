import { ParetoChart, type ParetoChartProps } from '../charts/ParetoChart';
import type { ParetoFrame } from '../charts/paretoScales';
import { useFrame } from '../charts/useFrame';

const LEAST: ParetoFrame = { width: 240, height: 150 };

/** The chart in the room there is. */
export function SizedChart(props: Omit<ParetoChartProps, 'frame'>) {
  const [box, frame] = useFrame<HTMLDivElement>(LEAST);
  return (
    <div class="sized-chart" ref={box}>
      {frame && <ParetoChart {...props} frame={frame} />}
    </div>
  );
}
