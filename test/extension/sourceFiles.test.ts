import { describe, expect, it } from 'vitest';
import { fileName, findSourceFile, findSourceLine } from '../../src/extension/editor/sourceFiles';

const ROOT = '/home/me/clone';
const files = (...relative: string[]) =>
  relative.map((path) => ({ path: `${ROOT}/${path}`, relative: path }));
const found = (path: string, ...relative: string[]): string | undefined =>
  findSourceFile(path, files(...relative))?.relative;

describe('findSourceFile(path, files)', () => {
  it('is the file with that very path', () => {
    expect(found('/home/me/clone/net/model.py', 'model.py', 'net/model.py')).toBe('net/model.py');
  });

  it('is the file whose place in the workspace ends the path, as long as possible', () => {
    const path = '/home/ada/project/net/model.py';
    expect(found(path, 'net/model.py', 'model.py')).toBe('net/model.py');
    expect(found(path, 'model.py')).toBe('model.py');
    expect(found('C:\\ada\\project\\net\\model.py', 'net/model.py')).toBe('net/model.py');
  });

  it('is the file that a path without its beginning ends', () => {
    expect(found('net/model.py', 'project/net/model.py', 'other/model.py')).toBe('project/net/model.py');
    expect(found('./train.py', 'train.py')).toBe('train.py');
  });

  it('is none that only has the same name, or the same end of a name', () => {
    expect(found('/home/ada/net/model.py', 'other/model.py')).toBeUndefined();
    expect(found('model.py', 'mymodel.py')).toBeUndefined();
    expect(found('', 'model.py')).toBeUndefined();
    expect(found('/home/ada/../../etc/model.py', 'etc2/model.py')).toBeUndefined();
  });

  it('is the same one whatever the order of the files', () => {
    expect(found('model.py', 'b/model.py', 'a/model.py')).toBe('a/model.py');
    expect(found('model.py', 'a/model.py', 'b/model.py')).toBe('a/model.py');
  });
});

describe('findSourceLine(frame, lines)', () => {
  const frame = (line: number, code: string | null) => ({ file: 'a.py', line, function: 'f', code });
  const lines = ['import x', '', '    y = f(x)', 'z = 1', '', 'y = f(x)'];

  it('is the line of that number, from 0', () => {
    expect(findSourceLine(frame(4, null), lines)).toBe(3);
    expect(findSourceLine(frame(4, 'z = 1'), lines)).toBe(3);
    expect(findSourceLine(frame(99, null), lines)).toBe(5);
  });

  it('is the nearest one with the same text when lines have moved since', () => {
    expect(findSourceLine(frame(2, 'y = f(x)'), lines)).toBe(2);
    expect(findSourceLine(frame(5, 'y = f(x)'), lines)).toBe(5);
    expect(findSourceLine(frame(99, 'z = 1'), lines)).toBe(3);
    expect(findSourceLine(frame(4, 'gone()'), lines)).toBe(3);
    expect(findSourceLine(frame(2, ''), lines)).toBe(1);
  });
});

it('takes file names from paths of any system', () => {
  expect(['/a/b.py', 'C:\\a\\b.py', 'b.py', '/', ''].map(fileName)).toEqual(['b.py', 'b.py', 'b.py', '', '']);
});
