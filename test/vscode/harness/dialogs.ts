import type { Locator, Page } from 'playwright-core';

export interface Notification {
  text: string;
  buttons: string[];
}

/** Modal dialogs and notifications. */
export class Dialogs {
  constructor(private readonly page: Page) {}

  /** Waits for the modal dialog. */
  async modal(): Promise<{ message: string; detail: string; buttons: string[] }> {
    const box = this.page.locator('.monaco-dialog-box');
    await box.waitFor();
    return {
      message: await box.locator('.dialog-message-text').innerText(),
      detail: (await box.locator('.dialog-message-detail').allInnerTexts()).join('\n'),
      buttons: await box.locator('.dialog-buttons .monaco-button').allInnerTexts(),
    };
  }

  /** Presses a button of the modal dialog. */
  async press(button: string): Promise<void> {
    const box = this.page.locator('.monaco-dialog-box');
    await box.locator('.dialog-buttons .monaco-button', { hasText: button }).first().click();
    await box.waitFor({ state: 'hidden' });
  }

  /** Notifications on the screen, newest first. */
  async notifications(): Promise<Notification[]> {
    const found: Notification[] = [];
    for (const toast of await this.toasts().all()) found.push(await read(toast));
    return found;
  }

  /** Waits for a notification whose text matches. */
  async notification(text: string | RegExp, timeout = 20_000): Promise<Notification> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.waitFor({ timeout });
    return read(toast);
  }

  /** Waits for a notification whose text matches and presses one of its buttons. */
  async pressInNotification(text: string | RegExp, button: string, timeout = 20_000): Promise<void> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.waitFor({ timeout });
    await toast.locator('.monaco-button', { hasText: button }).first().click();
  }

  /** Waits until no notification matches. */
  async notificationGone(text: string | RegExp, timeout = 20_000): Promise<void> {
    await this.toasts().filter({ hasText: text }).first().waitFor({ state: 'hidden', timeout });
  }

  private toasts(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item');
  }
}

async function read(toast: Locator): Promise<Notification> {
  return {
    text: (await toast.locator('.notification-list-item-message').innerText()).trim(),
    buttons: await toast.locator('.notification-list-item-buttons-container .monaco-button').allInnerTexts(),
  };
}
