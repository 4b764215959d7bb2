import { describe, expect, it } from 'vitest';
import { nodeSource, parseStackTrace } from '../../../src/core/graph/nodeSource';
import type { NodeSource } from '../../../src/core/inspectorResults';
import { makeNode } from '../../../src/core/onnx/build';
import { modelOf, study } from './support';

/** As `torch.onnx.export` of PyTorch 2 writes it. */
const TRACE = `File "/home/ada/project/train.py", line 12, in <module>
    export(Net())
  File "/home/ada/project/net/block.py", line 31, in forward
    return self.conv(F.relu(x))
  File "/home/ada/venv/lib/python3.12/site-packages/torch/nn/modules/module.py", line 1751, in _wrapped_call_impl
    return self._call_impl(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/ada/venv/lib/python3.12/site-packages/torch/nn/modules/conv.py", line 554, in forward
    return self._conv_forward(input, self.weight, self.bias)
`;

function sourceOf(trace: string | undefined): NodeSource {
  const node = {
    ...makeNode({ opType: 'Conv', input: ['x'], output: ['y'], name: 'conv' }),
    metadataProps: trace === undefined ? [] : [{ key: 'pkg.torch.onnx.stack_trace', value: trace }],
  };
  const { index } = study(modelOf({ inputs: { x: [1] }, nodes: [], outputs: ['y'] }, {}));
  if (!index.main) throw new Error('no graph');
  return nodeSource({ node, name: 'conv', scope: index.main, index: 0 });
}

const places = ({ frames }: NodeSource): string[] => frames.map(({ file, line }) => `${file}:${line}`);

describe('nodeSource(ref)', () => {
  it('are the lines of the own code, the innermost first', () => {
    expect(sourceOf(TRACE)).toEqual({
      layer: 'conv',
      frames: [
        {
          file: '/home/ada/project/net/block.py',
          line: 31,
          function: 'forward',
          code: 'return self.conv(F.relu(x))',
        },
        { file: '/home/ada/project/train.py', line: 12, function: '<module>', code: 'export(Net())' },
      ],
      others: 2,
    });
  });

  it('are those of a model library where no own code is, and of PyTorch only where there is nothing else', () => {
    const library = 'File "/v/site-packages/torchvision/models/resnet.py", line 285, in forward\n    pass\n';
    const torch = 'File "torch/nn/modules/conv.py", line 554, in forward\n    pass\n';
    expect(places(sourceOf(library + torch))).toEqual(['/v/site-packages/torchvision/models/resnet.py:285']);
    expect(places(sourceOf(torch))).toEqual(['torch/nn/modules/conv.py:554']);
    expect(places(sourceOf('File "torchvision/models/resnet.py", line 2, in forward\n' + torch))).toEqual([
      'torchvision/models/resnet.py:2',
    ]);
    // A folder of one's own that only begins like the package.
    expect(places(sourceOf('File "torch_models/net.py", line 2, in f\n' + torch))).toEqual([
      'torch_models/net.py:2',
    ]);
  });

  it('are none without a trace, and few of a deep one', () => {
    expect(sourceOf(undefined)).toEqual({ layer: 'conv', frames: [], others: 0 });
    const deep = sourceOf('File "a.py", line 3, in f\n'.repeat(1000));
    expect([deep.frames.length, deep.others]).toEqual([10, 990]);
  });
});

describe('parseStackTrace(text)', () => {
  it('reads paths of Windows, lines without code, and passes over what is none of it', () => {
    const text =
      'Traceback:\r\n  File "C:\\net\\m.py", line 4, in f\r\n  File "b.py", line 5, in g\r\n\r\n    y = x';
    expect(parseStackTrace(text)).toEqual([
      { file: 'C:\\net\\m.py', line: 4, function: 'f', code: null },
      { file: 'b.py', line: 5, function: 'g', code: 'y = x' },
    ]);
    expect(parseStackTrace('File "a.py", line x, in f')).toEqual([]);
  });

  it('keeps what it takes from a file short', () => {
    const [frame] = parseStackTrace(`File "${'a'.repeat(5000)}", line 1, in f\n  ${'b'.repeat(5000)}`);
    expect([frame?.file.length, frame?.code?.length]).toEqual([1000, 1000]);
  });
});
