import type { LayersContext } from '../../src/shared/viewRpc';
import type { Host } from '../host';

/** UTF-16 code units of names that go with a menu; VS Code passes them on with each command. */
const MOST_NAMES_LENGTH = 100_000;

/** What the menus of the tree tell their commands, and keeps what is too long for that until the host asks. */
export class MenuContext {
  #last: { readonly menu: string; readonly names: readonly string[] } | undefined;

  constructor(host: Host) {
    host.onEvent((event) => {
      // Another view of the document may be meant.
      if (event.event !== 'menuRows' || event.menu !== this.#last?.menu) return;
      const { menu, names } = this.#last;
      void host.call('menuRows', { menu, names: [...names] }).catch(() => undefined);
    });
  }

  /** @param names of all rows that the menu is about. */
  contextOf(uri: string, names: readonly string[]): LayersContext {
    const context = { webviewSection: 'layers', preventDefaultContextMenuItems: true, uri } as const;
    let length = 0;
    for (const name of names) length += name.length + 3;
    if (length <= MOST_NAMES_LENGTH) {
      this.#last = undefined;
      return { ...context, names: [...names], menu: null };
    }
    const menu = crypto.randomUUID();
    this.#last = { menu, names };
    return { ...context, names: [], menu };
  }
}
