/** Names of layers can be long; a file's name may have 255 bytes. */
const LONGEST = 80;

/** `model.conv1.npy`: what of a layer's name a file can be called. @param weight position among the layer's weights. */
export function weightFileName(model: string, layer: string, weight: number): string {
  const stem = model.replace(/\.onnx$/i, '');
  const part = layer.replaceAll(/[^\w.-]+/g, '_').slice(-LONGEST);
  return `${stem}.${part}${weight > 0 ? `.${weight}` : ''}.npy`;
}
