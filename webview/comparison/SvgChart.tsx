import { useMemo } from 'preact/hooks';
import { withoutStyle } from '../../src/shared/charts/svg';

/** A chart of reports in a page that has their style. Names in it are escaped where it is made. */
export function SvgChart({ make, of }: { make: () => string; of: readonly unknown[] }) {
  const svg = useMemo(() => withoutStyle(make()), of);
  return <figure class="report-chart" dangerouslySetInnerHTML={{ __html: svg }} />;
}
