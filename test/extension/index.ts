/** Entry of the suite inside VS Code, for the server's extension host and for @vscode/test-electron alike. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000 });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  await import('./commands.ts');
  await import('./containers.ts');
  await import('./volumes.ts');
  await import('./archives.ts');
  await import('./schedule.ts');
  // Sets the passphrase that the schedule is to miss at first.
  await import('./backups.ts');
  await import('./paths.ts');
  await import('./compose.ts');
  await import('./files.ts');
  await import('./trust.ts');
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', (test) => {
        passed += 1;
        lines.push(`✔ ${test.fullTitle()}`);
      })
      .on('pending', (test) => {
        failed += 1;
        lines.push(`✖ ${test.fullTitle()}: did not run`);
      })
      .on('fail', (test, error: Error) => {
        failed += 1;
        lines.push(`✖ ${test.fullTitle()}\n${error.stack ?? error.message}`);
      });
  });
  const report = process.env['DOCKER_MOUNTS_TEST_REPORT'];
  if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed, lines }));
  else console.log(lines.join('\n'));
  if (failed > 0) throw new Error(`${failed} of ${passed + failed} tests failed`);
}
