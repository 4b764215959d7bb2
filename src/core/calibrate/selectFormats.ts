import { InputError, throwIfCancelled } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { isStatic } from '../plan/editPlan';
import {
  fitsBits,
  HYBRID_MARGIN_DB,
  hybridPicks,
  type LayerPick,
  naivePicks,
  type Preset,
  SELECTIVE_BITS,
  SELECTIVE_RANGE,
  selectiveFormats,
  withPicks,
} from '../plan/presets';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { formatText, optionsIn, type LayerFormat } from '../quant/layerFormat';
import { codebookKind } from '../quant/scheme';
import type { PresetFigure } from '../results';
import { activationTypeOf } from '../rewrite/activationTypes';
import { defaultOpset } from '../rewrite/opset';
import { prepareFloat } from '../rewrite/prepare';
import { candidatesFor, type WeightCandidate } from './chooseWeight';
import { LayerErrors } from './layerError';
import { LayerFormats, type MeasuredFormat } from './layerFormats';
import { collectLayerRows, type LayerRows } from './layerRows';
import type { CalibrationSource } from './calibrate';
import { bestContender, contendersFor } from './weightContenders';

export interface PresetRequest {
  readonly preset: Preset;
  /** Of `naive` and `hybrid`. Given a static one, `selective` with 8 bits prefers it where it costs less than `marginDb`. */
  readonly format: LayerFormat;
  /** Of `selective`: bits per weight. */
  readonly bits?: number;
  /** Of `hybrid`: dB below the median that make a layer stay float. */
  readonly marginDb?: number;
}

export interface FilledPlan {
  readonly picks: readonly LayerPick[];
  readonly figures: readonly PresetFigure[];
  readonly notes: readonly string[];
}

/**
 * Chooses a format for every quantizable layer, as a preset says (see `presets`). With data, errors are those at the layers'
 * outputs; without, those of the weights, and the notes say so.
 * @throws InputError when `selective` has no data or a number of bits that it cannot have, or a weight is not finite.
 * @throws CancelledError
 */
export async function fillPlan(
  model: Model,
  plan: Plan,
  request: PresetRequest,
  source: CalibrationSource | undefined,
  work: Work = {},
): Promise<FilledPlan> {
  const isSelective = request.preset === 'selective';
  if (isSelective) checkSelective(request, source);
  // Prepared for the format that needs the highest opset.
  const format: LayerFormat = isSelective ? { scheme: 'w4', granularity: 'block:64' } : request.format;
  const everywhere = { ...plan, defaultScheme: format.scheme, defaultOptions: optionsIn(format), layers: {} };
  const { model: prepared, notes } = await prepareFloat(model, everywhere);
  const index = indexGraph(prepared);
  const layers = findLayers(index, inferShapes(index, plan.dimensions)).filter(
    ({ quantizable }) => quantizable,
  );
  const rows = source
    ? await collectLayerRows(source.runtime, prepared, layers, source.slice, work)
    : new Map<string, LayerRows>();
  const errors = source && (await LayerErrors.open(source.runtime));
  try {
    const selector = new Selector(prepared, plan, layers, rows, errors, work);
    const picks = isSelective && source ? await selector.selective(request, source) : undefined;
    const measured = await selector.figures(picks ?? naivePicks(names(layers), request.format));
    const chosen = picks ?? (request.preset === 'hybrid' ? hybrid(measured, request) : undefined);
    return {
      picks: chosen ?? naivePicks(names(layers), request.format),
      figures: measured.map((figure, i) => withPick(figure, layers[i], chosen?.[i])),
      notes: [...notes, ...measureNotes(measured), ...selector.notes],
    };
  } finally {
    await errors?.release();
  }
}

function checkSelective(
  { bits = SELECTIVE_BITS }: PresetRequest,
  source: CalibrationSource | undefined,
): void {
  const { least, most } = SELECTIVE_RANGE;
  if (!Number.isInteger(bits) || bits < least || bits > most) {
    throw new InputError(
      `The preset selective takes a whole number of bits from ${least} to ${most}, not ${bits}.`,
    );
  }
  if (source) return;
  throw new InputError(
    'The preset selective compares formats at the outputs of the layers, which needs data: choose calibration data, or take ' +
      'the preset hybrid, which does without.',
  );
}

const names = (layers: readonly Layer[]): string[] => layers.map(({ name }) => name);

/** Errors of outputs and of weights are judged apart: they are not alike. */
function hybrid(figures: readonly PresetFigure[], { format, marginDb }: PresetRequest): LayerPick[] {
  const picks = (['output', 'weight'] as const).flatMap((at) =>
    hybridPicks(
      figures.filter(({ measured }) => measured === at),
      format,
      marginDb,
    ),
  );
  return figures.map(({ layer }) => picks.find((pick) => pick.layer === layer) ?? { layer, format });
}

/** The figure of a layer that stays float says what its format would have lost, and the bytes that it keeps. */
function withPick(figure: PresetFigure, layer: Layer | undefined, pick: LayerPick | undefined): PresetFigure {
  if (!pick || pick.format.scheme !== 'float') return figure;
  return { ...figure, format: 'float', bytes: layer?.bytes ?? figure.bytes };
}

function measureNotes(figures: readonly PresetFigure[]): string[] {
  const byWeight = figures.filter(({ measured }) => measured === 'weight').length;
  if (byWeight === 0) return [];
  const which =
    byWeight === figures.length ? 'All figures' : `The figures of ${byWeight} of ${figures.length} layers`;
  return [`${which} are errors of the weights themselves: what they do to a layer's output is not known.`];
}

/** Measures formats on the layers of one prepared model. */
class Selector {
  readonly notes: string[] = [];
  private readonly opset: number;

  constructor(
    private readonly model: Model,
    private readonly plan: Plan,
    private readonly layers: readonly Layer[],
    private readonly rows: ReadonlyMap<string, LayerRows>,
    private readonly errors: LayerErrors | undefined,
    private readonly work: Work,
  ) {
    this.opset = defaultOpset(model.opsetImport) ?? 0;
  }

  /** What each layer loses by its pick. */
  async figures(picks: readonly LayerPick[]): Promise<PresetFigure[]> {
    const figures: PresetFigure[] = [];
    for (const [i, layer] of this.layers.entries()) {
      const format = picks[i]?.format ?? { scheme: 'float' };
      const formats = await this.formatsOf(layer);
      this.progress(i, layer, format);
      const { at, sqnrDb, bytes } = await this.measure(formats, format);
      const biasBytes = Math.max(0, layer.bytes - formats.storedBytes);
      figures.push({
        layer: layer.name,
        format: formatText(format),
        measured: at,
        sqnrDb,
        bytes: bytes + biasBytes,
      });
    }
    return figures;
  }

  /** The format of least error for every layer, with the range rule and gain that serve the whole model best. */
  async selective(request: PresetRequest, { runtime, slice }: CalibrationSource): Promise<LayerPick[]> {
    const picks: LayerPick[] = [];
    const least = new Map<string, WeightCandidate>();
    for (const [i, layer] of this.layers.entries()) {
      const { format, choice } = await this.bestFormat(i, layer, request);
      picks.push({ layer: layer.name, format });
      if (choice) least.set(layer.name, choice);
    }
    if (least.size === 0) return picks;
    const candidates = new Map(
      picks.flatMap(({ layer, format }) =>
        least.has(layer) ? [[layer, candidatesFor(format, this.rows.get(layer))] as const] : [],
      ),
    );
    const contenders = contendersFor(least, candidates);
    const best = await bestContender(
      runtime,
      this.model,
      withPicks(this.plan, picks),
      contenders,
      slice,
      this.work,
    );
    this.notes.push(`Ranges of weights: ${best.description}.`);
    return picks.map(({ layer, format }) => ({ layer, format: decided(format, best.choices.get(layer)) }));
  }

  private async bestFormat(done: number, layer: Layer, request: PresetRequest): Promise<MeasuredFormat> {
    const { bits = SELECTIVE_BITS, marginDb = HYBRID_MARGIN_DB } = request;
    const formats = await this.formatsOf(layer);
    let best: MeasuredFormat | undefined;
    for (const format of fitting(formats, bits)) {
      throwIfCancelled(this.work.signal);
      this.progress(done, layer, format);
      const measured = await this.measure(formats, format);
      if (!best || measured.nmse < best.nmse) best = measured;
    }
    if (!best) throw new InputError(`${layer.name}: no format can be written at opset ${this.opset}.`);
    if (bits < 8 || !isStatic(request.format.scheme)) return best;
    const measured = await this.measure(formats, request.format);
    return measured.nmse <= best.nmse * 10 ** (marginDb / 10) ? measured : best;
  }

  private measure(formats: LayerFormats, format: LayerFormat): Promise<MeasuredFormat> {
    const activations = isStatic(format.scheme) ? activationTypeOf(this.plan, format.scheme) : undefined;
    return formats.measure(format, activations, this.work.signal);
  }

  private formatsOf(layer: Layer): Promise<LayerFormats> {
    const rows = this.rows.get(layer.name);
    const data = rows && this.errors && { rows, errors: this.errors };
    return LayerFormats.of(layer, this.opset, data, this.work.signal);
  }

  private progress(done: number, layer: Layer, format: LayerFormat): void {
    this.work.onProgress?.(done, this.layers.length, `Measuring ${layer.name}: ${formatText(format)}`);
  }
}

/** The formats that a layer can have and that fit; where none does, the smallest. */
function fitting(formats: LayerFormats, bits: number): LayerFormat[] {
  const sized = selectiveFormats(bits).flatMap((format) => {
    try {
      return [{ format, bytes: formats.bytesOf(format) }];
    } catch (error) {
      // The model's opset could not be raised far enough.
      if (error instanceof InputError) return [];
      throw error;
    }
  });
  const small = sized.filter(({ bytes }) => fitsBits(bytes, formats.elements, bits));
  const least = Math.min(...sized.map(({ bytes }) => bytes));
  return (small.length > 0 ? small : sized.filter(({ bytes }) => bytes === least)).map(
    ({ format }) => format,
  );
}

/** A format with what was chosen about it, as far as a plan has words for it. */
function decided(format: LayerFormat, choice: WeightCandidate | undefined): LayerFormat {
  if (!choice) return format;
  if (format.scheme === 'w4') return { ...format, range: choice.rule, gain: choice.gain };
  // Of other codebooks, a gain that the plan asks for would take scales of its own, which were not counted.
  const hasScales = codebookKind(format.scheme) && format.granularity === 'channel';
  return hasScales ? { ...format, gain: choice.gain } : format;
}
