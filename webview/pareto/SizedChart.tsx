import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ParetoChart, type ParetoChartProps } from '../charts/ParetoChart';
import type { ParetoFrame } from '../charts/paretoScales';

/** Smaller than this nothing can be read; the panel scrolls instead. */
const LEAST: ParetoFrame = { width: 240, height: 150 };

/** The chart in the room there is, so that text keeps its size. */
export function SizedChart(props: Omit<ParetoChartProps, 'frame'>) {
  const box = useRef<HTMLDivElement>(null);
  const [frame, setFrame] = useState<ParetoFrame | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = (): void =>
      setFrame((old) => {
        const width = Math.max(LEAST.width, element.clientWidth);
        const height = Math.max(LEAST.height, element.clientHeight);
        return old?.width === width && old.height === height ? old : { width, height };
      });
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    measure();
    return () => resized.disconnect();
  }, []);
  return (
    <div class="sized-chart" ref={box}>
      {frame && <ParetoChart {...props} frame={frame} />}
    </div>
  );
}
