import type { Locator, Page } from 'playwright-core';

/** What the command palette shows in its empty input. */
const palettePrompt = 'Type the name of a command to run.';
const paletteWaitMs = 8_000;

/**
 * VS Code's quick input: the command palette, quick picks, input boxes and, in the browser, the file dialogs. All of
 * them are one element that changes its content, so a test that expects a next question says which: `waitFor`.
 */
export class QuickInput {
  constructor(private readonly page: Page) {}

  /** Waits for the question with this title, prompt or placeholder, and returns all three as one text. */
  async waitFor(question: string | RegExp, timeout = 20_000): Promise<string> {
    const deadline = Date.now() + timeout;
    let seen = '';
    while (Date.now() < deadline) {
      seen = await this.question();
      if (typeof question === 'string' ? seen.includes(question) : question.test(seen)) return seen;
      await this.page.waitForTimeout(50);
    }
    throw new Error(`VS Code did not ask ${String(question)} within ${timeout / 1000} s; it shows "${seen}"`);
  }

  /** What is in the input: in a save dialog the proposed path. */
  async value(): Promise<string> {
    await this.input().waitFor();
    return this.input().inputValue();
  }

  /** Replaces what is in the input. */
  async type(text: string): Promise<void> {
    await this.input().waitFor();
    await this.input().fill(text);
  }

  /** Labels of the rows on offer, once no more of them are drawn. */
  async labels(): Promise<string[]> {
    await this.rows().first().waitFor();
    const read = () => this.rows().locator('.quick-input-list-row:first-child .label-name').allInnerTexts();
    for (let seen = await read(); ;) {
      await this.page.waitForTimeout(200);
      const now = await read();
      if (now.join('\n') === seen.join('\n')) return now;
      seen = now;
    }
  }

  /** Picks the row with exactly this label (codicons before it do not count). */
  async pick(label: string): Promise<void> {
    await this.row(label).click();
  }

  /** Ticks rows of a quick pick for many, or takes their tick away, and accepts. */
  async pickMany(...labels: string[]): Promise<void> {
    for (const label of labels) await this.row(label).click();
    await this.accept();
  }

  /** Runs a command by its full title from the palette, with the mouse. */
  async runCommand(title: string): Promise<void> {
    await this.usePalette(async () => {
      await this.input().fill(`>${title}`, { timeout: paletteWaitMs });
      await this.row(title).click({ timeout: paletteWaitMs });
    });
  }

  /** Runs a command by its full title from the palette, with the keyboard alone. */
  async typeCommand(title: string): Promise<void> {
    await this.usePalette(async () => {
      await this.page.keyboard.type(title);
      await this.rows().first().and(this.row(title)).waitFor({ timeout: paletteWaitMs });
      await this.page.keyboard.press('Enter');
    });
  }

  /**
   * Opens the palette, uses it and waits until it has closed or asks something else. A key that is pressed while a view is
   * being made reaches nobody, and a view that takes the focus takes the next keys with it: it is begun again then, as a
   * user would.
   */
  private async usePalette(use: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('F1');
      try {
        await this.waitFor(palettePrompt, paletteWaitMs);
        await use();
        return await this.palette().waitFor({ state: 'hidden', timeout: paletteWaitMs });
      } catch (error) {
        if (attempt === 4) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Answers an input box. */
  async answer(text: string): Promise<void> {
    await this.type(text);
    // In the input, wherever the focus went meanwhile.
    await this.input().press('Enter');
  }

  /**
   * Answers a file dialog (open or save) with an absolute path. For a file that exists, a save dialog then asks whether
   * to overwrite it: answer that with `accept`.
   */
  async answerPath(path: string): Promise<void> {
    await this.okButton().waitFor();
    await this.settled();
    await this.type(path);
    await this.settled();
    await this.accept();
    // In a dialog for folders, the first OK steps into the folder and the second chooses it.
    const deadline = Date.now() + 1_500;
    while (Date.now() < deadline && (await this.widget().isVisible())) {
      if ((await this.input().inputValue()) === `${path}/`) {
        await this.settled();
        return this.accept();
      }
      await this.page.waitForTimeout(50);
    }
  }

  /** Presses the button of a file dialog, whatever its label. */
  async accept(): Promise<void> {
    await this.okButton().click();
  }

  async cancel(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.widget().waitFor({ state: 'hidden' });
  }

  private widget(): Locator {
    return this.page.locator('.quick-input-widget');
  }

  private palette(): Locator {
    return this.widget().locator(`input[placeholder="${palettePrompt}"]`);
  }

  private input(): Locator {
    return this.widget().locator('.quick-input-box input');
  }

  private rows(): Locator {
    return this.widget().locator('.quick-input-list .monaco-list-row');
  }

  private row(label: string): Locator {
    const exact = new RegExp(`^\\s*${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
    return this.rows()
      .filter({ has: this.page.locator('.quick-input-list-row:first-child .label-name', { hasText: exact }) })
      .first();
  }

  private okButton(): Locator {
    return this.widget().locator('.quick-input-action .monaco-button').first();
  }

  /** Waits until the list has caught up with the input. */
  private async settled(): Promise<void> {
    await this.page.waitForTimeout(300);
    await this.widget().locator('.quick-input-progress.done').waitFor({ state: 'attached' });
  }

  private async question(): Promise<string> {
    if (!(await this.widget().isVisible())) return '';
    const texts = await this.widget().locator('.quick-input-title, .quick-input-message').allInnerTexts();
    const placeholder = (await this.input().getAttribute('placeholder')) ?? '';
    return [...texts, placeholder].filter((text) => text.trim() !== '').join(' – ');
  }
}
