import { layerErrorChart } from '../../src/shared/charts/layerErrorChart';
import type { ComparedLayersView, ComparisonSnapshot } from '../../src/shared/comparisonRpc';
import { formatDb, formatInteger, plural } from '../../src/shared/format';
import { TableTwin } from '../charts/TableTwin';
import { SvgChart } from './SvgChart';

/** The error of each layer along the depth, accumulated from the inputs and of the layer alone. */
export function LayersSection({ layers }: { layers: ComparisonSnapshot['layers'] }) {
  return (
    <section>
      <h2>Layers</h2>
      {'reason' in layers ? <p class="hint">Not compared. {layers.reason}</p> : <Layers view={layers} />}
    </section>
  );
}

function Layers({ view }: { view: ComparedLayersView }) {
  const { layers, count, samples, slice, unmatched } = view;
  return (
    <>
      <p class="dim">
        SQNR of what each layer gives: alone, fed with what A gives to it; and accumulated, with the errors of
        all layers before it. {plural(samples, 'sample')}
        {slice === 'verify' && ' of the verify slice'}, quantization simulated.
        {layers.length < count &&
          ` The ${formatInteger(layers.length)} of ${formatInteger(count)} with the least SQNR are shown.`}
      </p>
      <SvgChart
        of={[layers]}
        make={() =>
          layerErrorChart(
            layers.map(({ layer, accumulated, local }) => ({
              layer,
              accumulated: accumulated ? accumulated.sqnrDb : undefined,
              local: local ? local.sqnrDb : undefined,
            })),
          )
        }
      />
      <TableTwin label="Error by layer" table={() => <LayersTable layers={layers} />} />
      {unmatched.length > 0 && (
        <ul>
          {unmatched.map(({ side, layer, reason }) => (
            <li key={`${side} ${layer}`}>
              {layer} of {side} has no counterpart. {reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function LayersTable({ layers }: { layers: ComparedLayersView['layers'] }) {
  const db = (difference: { sqnrDb: number | null } | null): string =>
    difference ? formatDb(difference.sqnrDb) : '–';
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Layer</th>
          <th scope="col">Operator</th>
          <th scope="col">Alone</th>
          <th scope="col">Accumulated</th>
          <th scope="col">Remark</th>
        </tr>
      </thead>
      <tbody>
        {layers.map(({ layer, op, local, accumulated, reason }) => (
          <tr key={layer}>
            <th scope="row">{layer}</th>
            <td>{op}</td>
            <td>{db(local)}</td>
            <td>{db(accumulated)}</td>
            <td>{reason ?? ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
