import { expect, it } from 'vitest';
import { engineEnvironment, plainEnvironment } from '../../src/engine/engineMemory';

it('adds to the environment of an engine, and takes off again for what the engine starts', () => {
  const own = { PATH: '/bin', ELECTRON_RUN_AS_NODE: '1' };
  const engine = engineEnvironment(own);
  expect(engine).toMatchObject({ ...own, MALLOC_MMAP_THRESHOLD_: '33554432' });
  expect(plainEnvironment(engine)).toEqual(own);
});

it('leaves what the user has set', () => {
  const own = { MALLOC_MMAP_THRESHOLD_: '4096', MALLOC_ARENA_MAX: '1' };
  expect(engineEnvironment(own)).toMatchObject(own);
  expect(plainEnvironment(engineEnvironment(own))).toMatchObject(own);
});
