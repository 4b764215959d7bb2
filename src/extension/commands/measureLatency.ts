import type { ModelDocument } from '../editor/modelDocument';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { hasData, isReadyToRun } from './scan';
import type { ScanFormats } from './scanFormats';

/** Times every layer in the formats of the last scan. */
export async function measureLatency(
  engine: EngineHost,
  document: ModelDocument,
  formats: ScanFormats,
): Promise<void> {
  const { measurements, place, quantizable } = document.session;
  if (!(await isReadyToRun(document, [...quantizable])) || !(await hasData(engine, document))) return;
  await withProgress(
    `Measuring latency of ${place.name}`,
    (signal, onProgress) => measurements.measureLatency(formats.remembered.schemes, { signal, onProgress }),
    () => measureLatency(engine, document, formats),
  );
}
