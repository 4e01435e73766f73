import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../../src/engine/connection.ts';
import { begin, BUSYBOX, container, end, unique, until, volume, WITH_VOLUME } from '../engine/support.ts';
import { call } from './call.ts';

describe('Mounts in Compose files, Dockerfiles and devcontainer.json', () => {
  let connection: Connection;
  let folder: string;
  let document: vscode.TextDocument;
  const project = unique('shop');
  const external = unique('nas');
  const web = `${project}-web-1`;
  const text = `services:
  web:
    image: ${BUSYBOX}
    volumes:
      - ./site:/srv/site
      - data:/var/data:ro
      - ./gone:/gone
  db:
    image: ${BUSYBOX}
    volumes:
      - type: volume
        source: data
        target: /var/lib/db
      - nowhere:/nowhere
      - ./site:/nowhere
volumes:
  data:
  fresh:
    labels:
      keep: always
  nas:
    external: true
    name: ${external}
`;

  const labels = (service: string) => ({
    'docker-mounts.test': '1',
    'com.docker.compose.project': project,
    'com.docker.compose.service': service,
    'com.docker.compose.oneoff': 'False',
    'com.docker.compose.project.working_dir': join(folder, project),
    'com.docker.compose.project.config_files': join(folder, project, 'compose.yaml'),
  });

  async function open(path: string, content: string): Promise<vscode.TextDocument> {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    const opened = await vscode.workspace.openTextDocument(vscode.Uri.file(path));
    await vscode.window.showTextDocument(opened);
    return opened;
  }

  before(async () => {
    ({ connection, folder } = await begin());
    const root = join(folder, project);
    mkdirSync(join(root, 'site'), { recursive: true });
    writeFileSync(join(await volume(connection, `${project}_data`), 'rows'), 'one\ntwo\n');
    await container(connection, web, {
      Labels: labels('web'),
      HostConfig: { Binds: [`${root}/site:/srv/site`, `${project}_data:/var/data`, `${folder}:/more`] },
    });
    await container(connection, `${project}-db-1`, {
      start: false,
      Labels: labels('db'),
      HostConfig: { Binds: [`${project}_data:/var/lib/db`] },
    });
    document = await open(join(root, 'compose.yaml'), text);
    await call('refresh');
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await end(connection, folder);
  });

  const at = (of: vscode.TextDocument, words: string, from = 0) => of.positionAt(of.getText().indexOf(words, from) + 1);
  const hover = async (of: vscode.TextDocument, words: string, from = 0) => {
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      of.uri,
      at(of, words, from),
    );
    // As it is read: names are escaped.
    return hovers
      .flatMap(({ contents }) =>
        contents.map((one) => (one as vscode.MarkdownString).value.replace(/\\([-/:._])/g, '$1')),
      )
      .join('\n');
  };
  const lenses = async (of: vscode.TextDocument) =>
    (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', of.uri, 100)) ?? [];
  const marks = (of: vscode.TextDocument) =>
    vscode.languages
      .getDiagnostics(of.uri)
      .filter(({ source }) => source === 'Docker Mounts')
      .map(({ code, range }) => `${code as string} ${of.getText(range)}`)
      .sort();
  const fixes = async (of: vscode.TextDocument, words: string) => {
    const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      of.uri,
      new vscode.Range(at(of, words), at(of, words)),
      vscode.CodeActionKind.QuickFix.value,
    );
    // Other extensions offer fixes of their own.
    return found.filter(({ title }) => /^(Declare the Volume|Create the Directory)/.test(title));
  };

  it('hover on an entry: the volume under the project’s name, its users, and how the container differs', async () => {
    const short = await hover(document, 'data:/var/data:ro');
    assert.match(short, new RegExp(`\`${project}_data\``));
    assert.match(short, /Exists \| `yes/);
    assert.match(short, new RegExp(`${web}:/var/data`));
    assert.match(short, new RegExp(`${web} \\| \`running, differs: /var/data is read and write`));
    const long = await hover(document, 'type: volume');
    assert.match(long, new RegExp(`${project}-db-1 \\| \`created, as the file says`));
    assert.match(await hover(document, './site:/srv/site'), /On the host \| `a directory`/);
    assert.match(await hover(document, './gone:/gone'), /\/gone is not mounted[^]*does not exist/);
    assert.equal(await hover(document, 'image:'), '');
  });

  it('hover on a volume of the top level, and on a service whose container differs', async () => {
    const top = text.lastIndexOf('volumes:');
    assert.match(await hover(document, 'data:', top), /Services \| `web, db`/);
    assert.match(await hover(document, 'fresh:', top), /Exists \| `no/);
    assert.match(await hover(document, 'nas:', top), new RegExp(`${external}[^]*neither creates nor removes`));
    assert.match(await hover(document, 'web:'), /\/more \| `\/more is mounted too: bind /);
  });

  it('problems stand at their entries, each once', async () => {
    await until('marked', () => marks(document).length > 0);
    assert.deepEqual(marks(document), [
      'missingExternal nas',
      'missingSource ./gone:/gone',
      'rights data:/var/data:ro',
      'targetTwice ./site:/nowhere',
      'undeclaredVolume nowhere:/nowhere',
    ]);
  });

  it('lenses: what can be done with a volume; one made from a lens has Compose’s labels', async () => {
    const titles = (await lenses(document)).map(({ command }) => command?.title ?? '');
    assert.ok(
      titles.some((title) => title.includes(`used by`) && title.includes(web)),
      titles.join('|'),
    );
    assert.ok(titles.includes('Back Up…'));
    assert.ok(titles.some((title) => title.includes(`${web} differs: Show Difference`)));
    const create = (await lenses(document)).find(({ command }) =>
      command?.title.endsWith(`Create Volume ${project}_fresh`),
    )?.command;
    assert.ok(create);
    await vscode.commands.executeCommand(create.command, ...((create.arguments ?? []) as unknown[]));
    const made = await connection.docker.getVolume(`${project}_fresh`).inspect();
    assert.deepEqual(made.Labels, {
      keep: 'always',
      'com.docker.compose.project': project,
      'com.docker.compose.volume': 'fresh',
    });
    await until('the lens follows', async () =>
      (await lenses(document)).some(({ command }) => /not used by a container/.test(command?.title ?? '')),
    );
    await connection.docker.getVolume(`${project}_fresh`).remove();
  });

  it('showDifference: plain JSON, and a document', async () => {
    const result = await call<{
      project: string;
      containers: { service: string; container: string; differences: { kind: string; target: string }[] }[];
    }>('showDifference', { file: document.uri.fsPath, service: 'web' });
    assert.equal(result.project, project);
    assert.deepEqual(
      result.containers.map(({ container: name, differences }) => [
        name,
        differences.map(({ kind, target }) => `${kind} ${target}`),
      ]),
      [[web, ['rights /var/data', 'missing /gone', 'extra /more']]],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
    const shown = vscode.window.activeTextEditor?.document.getText() ?? '';
    assert.match(
      shown,
      new RegExp(`- /var/data {2}volume ${project}_data, read-only\n\\+ /var/data {2}volume ${project}_data\n`),
    );
    await assert.rejects(
      async () => call('showDifference', { file: document.uri.fsPath, service: 'none' }),
      /no service "none".*web, db/,
    );
  });

  it('quick fixes declare a volume and create a directory, and the marks go', async () => {
    await vscode.window.showTextDocument(document);
    await until('marked', () => marks(document).includes('undeclaredVolume nowhere:/nowhere'));
    const [declare] = await fixes(document, 'nowhere:/nowhere');
    assert.ok(declare?.edit);
    assert.equal(await vscode.workspace.applyEdit(declare.edit), true);
    assert.ok(document.getText().endsWith(`    name: ${external}\n  nowhere:\n`), document.getText());
    const [create] = await fixes(document, './gone:/gone');
    assert.ok(create?.command);
    await vscode.commands.executeCommand(create.command.command, ...((create.command.arguments ?? []) as unknown[]));
    assert.ok(existsSync(join(folder, project, 'gone')));
    await until(
      'only what is still so is marked',
      () => marks(document).join() === 'missingExternal nas,rights data:/var/data:ro,targetTwice ./site:/nowhere',
    );
    await document.save();
  });

  it('the engine’s news reach the open file: a container made anew as the file says', async () => {
    const old = connection.docker.getContainer(web);
    await old.remove({ force: true });
    await until('the mark goes', () => !marks(document).some((mark) => mark.startsWith('rights')));
    await container(connection, web, {
      Labels: labels('web'),
      HostConfig: {
        Binds: [
          `${folder}/${project}/site:/srv/site`,
          `${project}_data:/var/data:ro`,
          `${folder}/${project}/gone:/gone`,
        ],
      },
    });
    await until('as the file says', async () =>
      /running, as the file says/.test(await hover(document, 'data:/var/data:ro')),
    );
    assert.ok(!(await lenses(document)).some(({ command }) => command?.title.includes(`${web} differs`)));
  });

  it('settings switch lenses and diagnostics off', async () => {
    const settings = vscode.workspace.getConfiguration('dockerMounts');
    try {
      await settings.update('codeLens', false, vscode.ConfigurationTarget.Global);
      await settings.update('diagnostics', false, vscode.ConfigurationTarget.Global);
      await until('no mark', () => marks(document).length === 0);
      assert.deepEqual(
        (await lenses(document)).filter(({ command }) => command?.command.startsWith('dockerMounts.')),
        [],
      );
    } finally {
      await settings.update('codeLens', undefined, vscode.ConfigurationTarget.Global);
      await settings.update('diagnostics', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('a Dockerfile: which images and volumes come from a VOLUME, and what the classic builder discards', async () => {
    const name = unique('anonymous');
    await container(connection, name, { Image: WITH_VOLUME });
    const dockerfile = await open(
      join(folder, project, 'Dockerfile'),
      'FROM scratch\nVOLUME ["/var/lib/data"]\nCOPY seed /var/lib/data/\n',
    );
    await until('known', async () => (await hover(dockerfile, '/var/lib/data')).includes(WITH_VOLUME));
    assert.match(await hover(dockerfile, '/var/lib/data'), new RegExp(`${name}:/var/lib/data`));
    await until('marked', () => marks(dockerfile).length > 0);
    assert.deepEqual(marks(dockerfile), ['lateChange COPY seed /var/lib/data/']);
    assert.match(
      vscode.languages.getDiagnostics(dockerfile.uri)[0]!.message,
      /classic builder.*discard.*BuildKit keeps/,
    );
  });

  it('devcontainer.json: the state of its mounts, and a source that is not there', async () => {
    const root = join(folder, 'dev');
    const text = `{ "mounts": [\n  "source=${project}_data,target=/rows",\n  "source=\${localWorkspaceFolder}/none,target=/none,type=bind"\n] }\n`;
    const file = await open(join(root, '.devcontainer/devcontainer.json'), text);
    assert.match(await hover(file, 'source='), new RegExp(`Exists \\| \`yes[^]*${web}:/var/data`));
    await until('marked', () => marks(file).length > 0);
    assert.deepEqual(marks(file), ['missingSource "source=${localWorkspaceFolder}/none,target=/none,type=bind"']);
  });

  it('a broken file under the cursor does no harm', async () => {
    const file = await open(
      join(folder, 'broken/compose.yaml'),
      'services:\n  a: [\n    volumes:\n  - ${\n&x *x <<: \t',
    );
    assert.equal(await hover(file, 'volumes'), '');
    assert.deepEqual(marks(file), []);
  });

  it('createDirectory refuses what is not an absolute path', async () => {
    await assert.rejects(
      async () => call('createDirectory', { path: 'relative' }),
      /"relative" is not an absolute path/,
    );
  });
});
