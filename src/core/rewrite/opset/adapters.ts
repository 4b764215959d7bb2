import { derive } from '../../onnx/origin';
import { type Adapter, dropping } from './adapter';
import {
  batchNormOutputs,
  batchNormSpatial,
  broadcastBinary,
  castType,
  clipBounds,
  dropoutRatio,
  preluSlope,
  seluDefaults,
  topKInput,
} from './arithmetic';
import {
  gridSampleMode,
  resizeMode,
  roiCoordinates,
  upsampleFactors,
  upsampleInput,
  upsampleToResize,
} from './scaling';
import {
  axesInput,
  concatAxis,
  dftAxis,
  padInputs,
  padNames,
  reshapeShape,
  sliceInputs,
  splitCount,
  splitSizes,
  splitSizesAttribute,
} from './shaping';
import { softmaxAxis } from './softmax';

/** A change of meaning that no adapter bridges yet. */
const refuse =
  (why: string): Adapter =>
  (_node, context) =>
    context.refuse(why);

type Step = Readonly<Record<string, Adapter>>;

const all = (operators: readonly string[], adapter: Adapter): Step =>
  Object.fromEntries(operators.map((operator) => [operator, adapter]));

/**
 * Opset version → operator → how a node of the version before is rewritten. Operators that are not listed keep their
 * meaning in that step; test/golden/opset has the full list of changes, made from the ONNX schemas.
 */
export const adapters: Readonly<Record<number, Step>> = {
  2: {
    Pad: padNames,
    Split: splitSizesAttribute,
    LpPool: refuse('its exponent may be a fraction'),
    GlobalLpPool: refuse('its exponent may be a fraction'),
  },
  4: { Concat: concatAxis },
  5: {
    Reshape: (node, context) =>
      dropping('consumed_inputs')(node, context).flatMap((bare) => reshapeShape(bare, context)),
  },
  6: {
    ...all(
      [
        'Abs',
        'Add',
        'BatchNormalization',
        'Ceil',
        'Clip',
        'Div',
        'Dropout',
        'Elu',
        'Exp',
        'Floor',
        'HardSigmoid',
        'InstanceNormalization',
        'LeakyRelu',
        'Log',
        'Max',
        'Mean',
        'Min',
        'Mul',
        'Neg',
        'PRelu',
        'Reciprocal',
        'Relu',
        'Sigmoid',
        'Sqrt',
        'Sub',
        'Sum',
        'Tanh',
      ],
      dropping('consumed_inputs'),
    ),
    Selu: (node, context) =>
      dropping('consumed_inputs')(node, context).flatMap((bare) => seluDefaults(bare, context)),
    Cast: castType,
    Tile: refuse('it repeats along an axis that is an input'),
  },
  7: {
    ...all(
      ['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'],
      broadcastBinary,
    ),
    BatchNormalization: dropping('is_test'),
    Dropout: dropping('is_test'),
    Gemm: dropping('broadcast'),
    ...all(['GRU', 'LSTM', 'RNN'], dropping('output_sequence')),
    PRelu: preluSlope,
    Upsample: upsampleFactors,
  },
  9: {
    BatchNormalization: batchNormSpatial,
    Scan: refuse('Scan works differently since opset 9'),
    Upsample: upsampleInput,
  },
  10: {
    // Its mask became boolean.
    Dropout: (node, context) => (context.isRead(1) ? context.refuse('its mask is read') : [node]),
    Slice: sliceInputs,
    TopK: topKInput,
    Upsample: upsampleToResize,
  },
  11: {
    Clip: clipBounds,
    Pad: padInputs,
    Resize: resizeMode,
    Scatter: (node) => [derive(node, { opType: 'ScatterElements' })],
  },
  12: { Dropout: dropoutRatio },
  13: {
    ...all(['Hardmax', 'LogSoftmax', 'Softmax'], softmaxAxis),
    ReduceSum: axesInput,
    Split: splitSizes,
    Squeeze: axesInput,
    Unsqueeze: axesInput,
  },
  14: { BatchNormalization: batchNormOutputs },
  16: { RoiAlign: roiCoordinates },
  18: {
    ...all(
      [
        'ReduceL1',
        'ReduceL2',
        'ReduceLogSum',
        'ReduceLogSumExp',
        'ReduceMax',
        'ReduceMean',
        'ReduceMin',
        'ReduceProd',
        'ReduceSumSquare',
      ],
      axesInput,
    ),
    Split: splitCount,
  },
  20: { DFT: dftAxis, GridSample: gridSampleMode },
  21: { GroupNormalization: refuse('its scale is per channel since then, and was per group') },
};
