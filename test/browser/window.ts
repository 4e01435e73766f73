/** One VS Code window in a browser, with what a user does in it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchBrowser, startVSCode } from '../host/vscode.mjs';

const screenshots = process.env['DOCKER_MOUNTS_TEST_SCREENSHOTS'] ?? '/tmp';

export class Window {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #code: Awaited<ReturnType<typeof startVSCode>> | undefined;

  private constructor(page: Page, browser: Browser, code?: Awaited<ReturnType<typeof startVSCode>>) {
    this.page = page;
    this.#browser = browser;
    this.#code = code;
  }

  /** Opens `folder` with the extension installed from its .vsix and the sidebar wide enough to read. */
  static async open(folder: string, settings: object): Promise<Window> {
    const node = { node: process.env['DOCKER_MOUNTS_TEST_NODE'] ?? process.execPath, include: undefined };
    const code = await startVSCode({
      node,
      vsix: join(process.cwd(), 'docker-mounts.vsix'),
      env: { ...process.env, DOCKER_HOST: process.env['DOCKER_MOUNTS_TEST_HOST'] },
      settings,
    });
    try {
      return await Window.#show(code.address(folder), code);
    } catch (error) {
      // Nobody else could close what was never returned, and the test would not end.
      await code.stop();
      throw error;
    }
  }

  /** Opens a window of a server that runs already, and that close() leaves running. */
  static visit(address: string): Promise<Window> {
    return Window.#show(address);
  }

  static async #show(address: string, code?: Awaited<ReturnType<typeof startVSCode>>): Promise<Window> {
    const browser = await launchBrowser();
    try {
      const window = new Window(await browser.newPage({ viewport: { width: 1280, height: 860 } }), browser, code);
      await window.#begin(address);
      return window;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  async #begin(url: string): Promise<void> {
    const { page } = this;
    // The first start on a machine that is busy.
    page.setDefaultTimeout(60_000);
    await page.goto(url);
    await this.showSidebar();
    await page.locator('.monaco-list-row').first().waitFor();
    page.setDefaultTimeout(45_000);
    await this.theme('dark');
    await page.mouse.move(349, 400);
    await page.mouse.down();
    await page.mouse.move(620, 400, { steps: 5 });
    await page.mouse.up();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#code?.stop();
  }

  /** What the output channel "Docker Mounts" holds, as it is kept on the disk. */
  log(): string {
    const logs = join(this.#code?.home ?? '', 'data/data/logs');
    const files = readdirSync(logs, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('Docker Mounts.log'),
    );
    return files.map((name) => readFileSync(join(logs, name), 'utf8')).join('\n');
  }

  async showSidebar(): Promise<void> {
    await this.page
      .locator('.activitybar')
      .getByRole('tab', { name: /^Docker Mounts/ })
      .click();
  }

  row(text: string | RegExp): Locator {
    return this.page.locator('.monaco-list-row').filter({ hasText: text });
  }

  async expand(text: string | RegExp): Promise<void> {
    await this.row(text).first().locator('.monaco-tl-twistie').click();
  }

  notification(text: RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text });
  }

  async shot(name: string): Promise<void> {
    // What fades in is to be seen as a user sees it.
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }

  settings(more: object): void {
    const file = this.#code?.machineSettings;
    if (file === undefined) throw new Error('The settings of a window that is only visited are not ours.');
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...more }));
  }

  async palette(command: string): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.page.locator('.quick-input-widget input').fill(`>${command}`);
    await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: command }).first().click();
  }

  /** Right-clicks and returns the entry of the menu. */
  async menu(on: Locator, entry: string): Promise<Locator> {
    await on.click({ button: 'right' });
    const item = this.page
      .locator('.context-view .action-item, .monaco-menu .action-item')
      .filter({ hasText: entry })
      .first();
    await item.waitFor();
    // A menu takes no click in its first moment, so that the click that opened it chooses nothing.
    await this.page.waitForTimeout(300);
    return item;
  }

  /** An entry of the quick pick that is open. */
  choice(text: string | RegExp): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
  }

  /**
   * Chooses from the quick pick that `open` brings up. A window that has just begun moves the focus once more, and VS
   * Code closes a pick then: a user asks again.
   */
  async chooseFrom(text: string | RegExp, open: () => Promise<void>): Promise<void> {
    for (let more = 2; ; more -= 1) {
      await open();
      try {
        return await this.choice(text).click({ timeout: more > 0 ? 15_000 : 45_000 });
      } catch (error) {
        if (more === 0 || !(error instanceof Error) || error.name !== 'TimeoutError') throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Types into the input box, or the picker of files, whose title holds `prompt`, and accepts. */
  async answer(prompt: string | RegExp, text: string): Promise<void> {
    await this.page.locator('.quick-input-widget').filter({ hasText: prompt }).waitFor();
    await this.page.locator('.quick-input-widget input').first().fill(text);
    await this.page.waitForTimeout(300);
    await this.page.keyboard.press('Enter');
  }

  /** The modal dialog that is open. */
  dialog(text: string | RegExp): Locator {
    return this.page.locator('.monaco-dialog-box').filter({ hasText: text });
  }

  async theme(wanted: 'dark' | 'light'): Promise<void> {
    const workbench = this.page.locator(wanted === 'dark' ? '.monaco-workbench.vs-dark' : '.monaco-workbench.vs');
    if ((await workbench.count()) === 0) await this.palette('Preferences: Toggle between Light/Dark Themes');
    await workbench.waitFor();
  }

  async clearNotifications(): Promise<void> {
    await this.palette('Notifications: Clear All Notifications');
    await this.page.locator('.notification-toast').first().waitFor({ state: 'detached' });
  }
}
