import { attrFloat, attrString } from '../../onnx/attributes';
import { attribute } from '../../onnx/attributes';
import { floatTensor } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import { type Adapter, without, withAttribute, withInput } from './adapter';

/** Opset 7: Upsample has one list of factors for its four axes. */
export const upsampleFactors: Adapter = (node) => {
  const factors = [1, 1, attrFloat(node, 'height_scale', 1), attrFloat(node, 'width_scale', 1)];
  const mode = attrString(node, 'mode', 'nearest');
  const bare = without(node, 'height_scale', 'width_scale', 'mode');
  return [
    withAttribute(
      withAttribute(bare, 'scales', { floats: factors }),
      'mode',
      mode === 'bilinear' ? 'linear' : mode,
    ),
  ];
};

/** Opset 9: the factors are an input. */
export const upsampleInput: Adapter = (node, context) => {
  const factors = attribute(node, 'scales')?.floats ?? [];
  return [withInput(without(node, 'scales'), 1, context.constant(floatTensor('', factors)))];
};

/** Opset 10: Upsample is called Resize. */
export const upsampleToResize: Adapter = (node) => [derive(node, { opType: 'Resize' })];

/**
 * Opset 11: Resize says how it finds a pixel. Before, coordinates were multiplied without an offset, and `nearest`
 * rounded down when enlarging and up when shrinking (ONNX Runtime's reading of a vague text).
 */
export const resizeMode: Adapter = (node, context) => {
  const [data = '', scales = ''] = node.input;
  const asymmetric = withAttribute(
    derive(node, { input: [data, context.constant(floatTensor('', [])), scales] }),
    'coordinate_transformation_mode',
    'asymmetric',
  );
  if (attrString(node, 'mode', 'nearest') !== 'nearest') return [asymmetric];
  const factors = context.floats(1) ?? [];
  const shrinks = factors.some((factor) => factor < 1);
  if (shrinks && factors.some((factor) => factor > 1)) {
    return context.refuse('it enlarges one axis and shrinks another');
  }
  return [withAttribute(asymmetric, 'nearest_mode', shrinks ? 'ceil' : 'floor')];
};

/** Opset 16: half a pixel is subtracted unless said otherwise. */
export const roiCoordinates: Adapter = (node) => [
  withAttribute(node, 'coordinate_transformation_mode', 'output_half_pixel'),
];

/** Opset 20: the modes lost their `bi`. */
export const gridSampleMode: Adapter = (node) => {
  const mode = attrString(node, 'mode', 'bilinear');
  return [withAttribute(node, 'mode', mode.replace(/^bi/, ''))];
};
