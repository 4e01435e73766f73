// Runs the extension suite inside the extension host of a real VS Code server.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfEnding } from './ending.mjs';
import { root } from './machine.mjs';
import { launchBrowser, startVSCode } from './vscode.mjs';

const LIMIT_MS = 600_000;

export async function runSuite(node, env) {
  const folder = mkdtempSync(join(tmpdir(), 'dm-suite-'));
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  const report = join(folder, 'report.json');
  const code = await startVSCode({
    node,
    test: true,
    env: { ...env, DOCKER_MOUNTS_TEST_REPORT: report, DOCKER_MOUNTS_TEST_WORKSPACE: workspace },
  });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const at = (path) => `vscode-remote://127.0.0.1:${code.port}${path}`;
    const payload = [
      ['extensionDevelopmentPath', at(root.replace(/\/$/, ''))],
      ['extensionTestsPath', at(join(root, 'out/test/index.cjs'))],
      ['skipWelcome', 'true'],
    ];
    // The first start on a machine that is busy.
    await page.goto(code.address(workspace, { payload: JSON.stringify(payload) }), { timeout: LIMIT_MS });
    for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(200)) {
      throwIfEnding();
      const text = read(report);
      if (text === undefined) continue;
      const { passed, failed, lines } = JSON.parse(text);
      console.log(lines.join('\n'));
      return { passed, failed };
    }
    console.error(`The suite wrote no report within ${LIMIT_MS / 1000} s.\n${code.said()}`);
    return { passed: 0, failed: 1 };
  } finally {
    await browser.close();
    await code.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
