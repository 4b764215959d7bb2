import { describe, expect, it, vi } from 'vitest';
import { MenuRows } from '../../src/extension/editor/menuRows';
import { inMessageParts, MessageJoiner } from '../../src/shared/messageParts';
import type { ViewEvent } from '../../src/shared/viewRpc';
import { Host } from '../../webview/host';
import { MenuContext } from '../../webview/tree/menuContext';

const MEGABYTE = 1_000_000;
const names = Array.from({ length: 100_000 }, (_, at) => `/model/layers.${at}/self_attn/q_proj/MatMul`);

/** A view and the document that it is of. */
function connected(rows: MenuRows) {
  let tell: (message: unknown) => void = () => undefined;
  const sent: number[] = [];
  const joiner = new MessageJoiner();
  const host = new Host({
    post: (part) => {
      sent.push(JSON.stringify(part).length);
      const message = joiner.add(structuredClone(part)) as
        { id: number; request: { menu: string; names: string[] } } | undefined;
      if (!message) return;
      rows.answer(message.request.menu, message.request.names);
      tell({ id: message.id, ok: null });
    },
    listen: (receive) => (tell = receive),
  });
  const post = (event: ViewEvent): void => {
    for (const part of inMessageParts(event)) tell(structuredClone(part));
  };
  return { menus: new MenuContext(host), sent, leave: rows.addView(post) };
}

describe('rows of a menu', () => {
  it('come with it when they are few', async () => {
    const rows = new MenuRows();
    const { menus, sent } = connected(rows);
    const context = menus.contextOf('file:///m.onnx', ['a', 'b']);
    expect(context).toMatchObject({ webviewSection: 'layers', names: ['a', 'b'], menu: null });
    expect(await rows.of(context)).toEqual(['a', 'b']);
    expect(sent).toEqual([]);
  });

  it('are asked of the view that has them, in parts, when they are 100,000', async () => {
    const rows = new MenuRows();
    const views = [connected(rows), connected(rows)] as const;
    const [context, other] = views.map(({ menus }, at) => menus.contextOf('file:///m.onnx', names.slice(at)));
    if (!context || !other) throw new Error('no menu');
    expect(JSON.stringify(context).length).toBeLessThan(1000);
    expect(await rows.of(JSON.parse(JSON.stringify(context)) as typeof context)).toEqual(names);
    expect(await rows.of(other)).toEqual(names.slice(1));
    for (const { sent } of views) {
      expect(sent.length).toBeGreaterThan(4);
      expect(Math.max(...sent)).toBeLessThan(MEGABYTE);
    }
  });

  it('are given up when the view is gone', async () => {
    vi.useFakeTimers();
    try {
      const rows = new MenuRows();
      const { menus, leave } = connected(rows);
      const context = menus.contextOf('file:///m.onnx', names);
      leave();
      const failure = expect(rows.of(context)).rejects.toThrow(/open the menu again/);
      await vi.advanceTimersByTimeAsync(30_000);
      await failure;
    } finally {
      vi.useRealTimers();
    }
  });
});
