import { describe, expect, it } from 'vitest';
import { defaultPlan } from '../../src/core/plan/planFile';
import { openMeasured } from './openSession';

describe('Inspections.errorSplit', () => {
  const asked = async (of: 'weight' | 'input', lookOnly: string | null = null) => {
    let request: unknown;
    const { session } = await openMeasured(
      {
        errorSplit: (given) => {
          request = given;
          return {};
        },
      },
      lookOnly ?? undefined,
    );
    await session.inspections().errorSplit({ layer: 'conv1', weight: 0, of, bits: 8 });
    return request;
  };

  it('asks with the plan, and with data for activations alone', async () => {
    const weight = await asked('weight');
    expect(weight).toMatchObject({ file: '/m/model.onnx', layer: 'conv1', of: 'weight' });
    expect(weight).toHaveProperty('plan.defaultScheme', defaultPlan.defaultScheme);
    expect(weight).not.toHaveProperty('calibration');
    expect(await asked('input')).toMatchObject({ calibration: { data: '/m/test.npz', samples: 16 } });
  });

  it('gives no data where models must not be run', async () => {
    expect(await asked('input', 'Restricted Mode')).not.toHaveProperty('calibration');
  });
});
