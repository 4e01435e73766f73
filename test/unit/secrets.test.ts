import assert from 'node:assert/strict';
import { it } from 'node:test';
import { engineError } from '../../src/engine/connection.ts';
import { holdsSecrets, maskedOptions, maskedText, withoutSecrets } from '../../src/engine/secrets.ts';
import { parseMountSpec } from '../../src/mounts/spec.ts';

const SECRET = 'Hunter-2!x';
const options: Record<string, string>[] = [
  { type: 'cifs', device: '//nas/share', o: `username=me,password=${SECRET},vers=3.0` },
  { type: 'cifs', device: '//nas/share', o: `username=me,pass=${SECRET}` },
  { type: 'cifs', device: '//nas/share', o: `password2=${SECRET},username=me` },
  { type: 'cifs', device: '//nas/share', o: `addr=1.2.3.4,password=a,,${SECRET},username=me` },
  { type: 'davfs', device: `https://me:${SECRET}@dav.example/files`, o: 'rw' },
  { type: 'cifs', device: `//me:p@${SECRET}@nas/share` },
  { password: SECRET, sshcmd: 'me@host:/srv' },
  { 's3.secretKey': SECRET },
  { SECRET_ACCESS_KEY: SECRET },
];
for (const one of options) {
  it(`${JSON.stringify(one)} is shown without its secret, and all else as it is`, () => {
    const shown = JSON.stringify(maskedOptions(one));
    assert.equal(shown.includes(SECRET), false, shown);
    assert.match(shown, /\*\*\*/);
    assert.equal(holdsSecrets(one), true);
    for (const [name, value] of Object.entries(one)) if (!value.includes(SECRET)) assert.equal(maskedOptions(one)[name], value);
    const said = `failed to mount local volume: mount ${one['device'] ?? ''}:/var/lib/x, data: ${one['o'] ?? ''} {${Object.entries(one).join(' ')}}: permission denied`;
    assert.equal(withoutSecrets(said, one).includes(SECRET), false, withoutSecrets(said, one));
  });
}

it('options without a secret are as they were', () => {
  for (const one of [{ type: 'none', o: 'bind', device: '/srv/data' }, { type: 'nfs', o: 'addr=nas.local,rw,nfsvers=4', device: ':/export/data' }, { type: 'tmpfs', o: 'size=10m,uid=1000', device: 'tmpfs' }]) {
    assert.deepEqual(maskedOptions(one), one);
    assert.equal(holdsSecrets(one), false);
  }
});

it('a refusal of the engine that quotes the options keeps the secret', () => {
  const message = `error while mounting volume: mount //nas/share:/x, data: username=me,password=${SECRET},vers=3: invalid argument`;
  const error = engineError(Object.assign(new Error(message), { statusCode: 500, json: { message } }), { kind: 'volume', object: 'share', doing: 'create it' });
  assert.equal(error.message.includes(SECRET), false, error.message);
  assert.match(error.message, /"share".*invalid argument/);
});

const mounts: unknown[] = [
  `type=volume,src=a,dst=relative,volume-driver=local,volume-opt=type=cifs,"volume-opt=o=username=x,password=${SECRET}"`,
  `type=volume,src=a,dst=/b,volume-opt=o=username=x,password=${SECRET}`,
  `type=volume,src=a,dst=/b,volume-opt=password=${SECRET},bogus=1`,
  `a:/b:password=${SECRET}`,
  { Type: 'volume', Source: 'a', Target: 'relative', VolumeOptions: { DriverConfig: { Name: 'local', Options: { o: `password=${SECRET}`, token: SECRET } } } },
  { Type: 'volume', Source: 'a', VolumeOptions: { Labels: { key: SECRET }, DriverConfig: SECRET } },
  { Type: { password: SECRET }, Source: 'a', Target: '/b', Password: SECRET },
  { Type: 'volume', Source: { password: SECRET }, Target: '/b' },
  [SECRET],
];
for (const spec of mounts) {
  it(`the mount ${JSON.stringify(spec)} is refused without its secret`, () => {
    assert.throws(
      () => parseMountSpec(spec, { home: '/root' }),
      (error: Error) => error.name === 'BadArgument' && !error.message.includes(SECRET) && error.message.startsWith('The mount'),
    );
  });
}

it('masking takes twice as long for a text of twice the length', () => {
  const time = (text: string) => Math.min(...[1, 2, 3].map(() => {
    const start = performance.now();
    maskedText(text);
    return performance.now() - start;
  }));
  for (const piece of ['pass', 'pwd ', '//a:', 'password=,,', 'aaaa', 'secret:::']) {
    const [once, twice] = [time(piece.repeat(20_000)), time(piece.repeat(40_000))];
    assert.ok(twice <= once * 2.5 + 5, `${piece}: ${once} ms, ${twice} ms`);
  }
});
