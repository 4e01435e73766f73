import assert from 'node:assert/strict';
import { it } from 'node:test';
import { engineError } from '../../src/engine/connection.ts';
import { holdsSecrets, maskedOptions, maskedText, withoutSecrets } from '../../src/engine/masking.ts';
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
  ...[
    'auth',
    'key',
    'aws-key',
    'sas',
    'bearer',
    'sig',
    'signature',
    'pw',
    'pin',
    'cookie',
    'rclone.pass',
    'authKey',
    'what-nobody-knows',
  ].map((name) => ({ [name]: SECRET })),
  ...['pw', 'sas', 'auth', 'sig', 'key', 'token', 'PASSWD', 'password2'].map((name) => ({
    type: 'cifs',
    o: `addr=nas,${name}=${SECRET},vers=3.0`,
  })),
  ...[
    `Tr0ub4dor"${SECRET}`,
    `Tr0ub4dor\\${SECRET}`,
    `Tr0ub4dor'${SECRET}`,
    `a,,${SECRET}`,
    `,,${SECRET}`,
    `a,${SECRET}`,
    `,${SECRET}`,
    `a b${SECRET}`,
    `"${SECRET}"`,
  ].map((password) => ({ type: 'cifs', device: '//nas/share', o: `username=u,password=${password},vers=3.0` })),
  ...[',', ' ', '"', "'", '/', '@', ':', '?', '#', 'x'.repeat(300)].map((odd) => ({
    type: 'davfs',
    device: `https://me:hunter${odd}${SECRET}@cloud/dav`,
    o: 'rw',
  })),
  { type: 'cifs', device: '//nas/share', o: `user=bob%${SECRET}` },
  { type: 'cifs', device: '//nas/share', o: `user=DOM/bob%${SECRET},vers=3` },
  { type: 'smb', device: `https://host/share?sig=${SECRET}&sv=1`, o: 'rw' },
  { url: `https://host/share?sv=1&X-Amz-Signature=${SECRET}` },
  { remote: `me:${SECRET}@host:/srv` },
  { type: 'cifs', o: `sep=;;username=u;password=${SECRET};vers=3.0` },
];
for (const one of options) {
  it(`${JSON.stringify(one)} is shown without its secret, and all else as it is`, () => {
    const shown = JSON.stringify(maskedOptions(one));
    assert.equal(shown.includes(SECRET), false, shown);
    assert.match(shown, /\*\*\*/);
    assert.equal(holdsSecrets(one), true);
    for (const [name, value] of Object.entries(one))
      if (!value.includes(SECRET)) assert.equal(maskedOptions(one)[name], value);
    const said = `failed to mount local volume: mount ${one['device'] ?? ''}:/var/lib/x, data: ${one['o'] ?? ''} {${Object.entries(one).join(' ')}}: permission denied`;
    assert.equal(withoutSecrets(said, one).includes(SECRET), false, withoutSecrets(said, one));
  });
}

it('options without a secret are as they were', () => {
  for (const one of [
    { type: 'nfs', o: 'addr=10.0.0.1,vers=3.0,uid=1000,gid=1000,file_mode=0644,sec=krb5,rw,nolock', device: ':/a:b@c' },
    {
      type: 'cifs',
      o: 'username=me,domain=HOME,vers=3.0,uid=1000,iocharset=utf8,,x,mfsymlinks',
      device: '//nas/share',
    },
    { type: 'davfs', device: 'https://cloud:8443/dav?sv=1&path=a' },
    { type: 'overlay', device: 'overlay', o: 'lowerdir=/a:/b@c,upperdir=/u,workdir=/w' },
    { type: 'ceph', device: 'me@fsid.fs=/', o: 'mon_addr=1.2.3.4:6789' },
    {
      size: '10G',
      mountpoint: '/mnt/x',
      host: 'nas',
      share: 'data',
      sshcmd: 'me@host:/srv',
      uid: '1000',
      mode: '0755',
      mountopts: 'rw,vers=4',
    },
    {},
    { type: '', o: '', device: '' },
    { o: ',,,' },
    { o: 'password=,vers=3' },
    { type: 'none', o: 'bind', device: '/srv/data' },
    { type: 'nfs', o: 'addr=nas.local,rw,nfsvers=4', device: ':/export/data' },
    { type: 'tmpfs', o: 'size=10m,uid=1000', device: 'tmpfs' },
  ] as Record<string, string>[]) {
    assert.deepEqual(maskedOptions(one), one);
    assert.equal(withoutSecrets(JSON.stringify(one), one), JSON.stringify(one));
    assert.equal(holdsSecrets(one), false);
  }
});

it('all but the secret stays readable', () => {
  const cases: [Record<string, string>, Record<string, string>][] = [
    [{ o: 'username=u,password=a"b,vers=3.0,uid=1000' }, { o: 'username=u,password=***,vers=3.0,uid=1000' }],
    [{ o: 'password=a,,b,rw,password2=c,d,ro' }, { o: 'password=***,rw,password2=***,***,ro' }],
    [{ o: 'passwd=,secretx' }, { o: 'passwd=,***' }],
    [{ o: 'user=bob%hunter2,vers=3' }, { o: 'user=bob%***,vers=3' }],
    [{ device: 'https://me:hunter,two@cloud/dav' }, { device: 'https://me:***@cloud/dav' }],
    [{ device: 'https://host/share?sv=1&sig=abc&se=2' }, { device: 'https://host/share?sv=1&sig=***&se=2' }],
    [
      { size: '1G', whatever: 'x', host: 'nas' },
      { size: '1G', whatever: '***', host: 'nas' },
    ],
  ];
  for (const [one, shown] of cases) {
    assert.deepEqual(maskedOptions(one), shown);
    assert.equal(holdsSecrets(one), true);
    // What is masked is not masked again in another way.
    assert.deepEqual(maskedOptions(shown), shown);
  }
});

it('texts that quote a secret', () => {
  for (const text of [
    `data: password=ab"${SECRET},x`,
    `data: password=ab\\${SECRET}`,
    `"password=ab\\"${SECRET}"`,
    `pw=${SECRET}`,
    `x?sig=${SECRET}&a=b`,
    `user=bob%${SECRET}`,
    `sas=${SECRET}`,
    `//u:${'x'.repeat(300)}${SECRET}@host`,
    `///u:${SECRET}@host`,
    `//a:b //u:${SECRET}@host`,
    `//a:b@c//u:${SECRET}@host`,
  ]) {
    assert.equal(maskedText(text).includes(SECRET), false, maskedText(text));
  }
  for (const [text, shown] of [
    [
      'The mount "type=volume,password=x" cannot be used: no target.',
      'The mount "type=volume,password=***" cannot be used: no target.',
    ],
    ['{"password":"x","b":1}', '{"password":"***","b":1}'],
    ['uses pw and sig; author=me, https://a:80/b', 'uses pw and sig; author=me, https://a:80/b'],
  ])
    assert.equal(maskedText(text!), shown);
});

it('a refusal of the engine that quotes the options keeps the secret', () => {
  const message = `error while mounting volume: mount //nas/share:/x, data: username=me,password=${SECRET},vers=3: invalid argument`;
  const error = engineError(Object.assign(new Error(message), { statusCode: 500, json: { message } }), {
    kind: 'volume',
    object: 'share',
    failed: (why) => `Volume "share" could not be created: ${why}`,
  });
  assert.equal(error.message.includes(SECRET), false, error.message);
  assert.match(error.message, /"share".*invalid argument/);
});

const mounts: unknown[] = [
  `type=volume,src=a,dst=relative,volume-driver=local,volume-opt=type=cifs,"volume-opt=o=username=x,password=${SECRET}"`,
  `type=volume,src=a,dst=/b,volume-opt=o=username=x,password=${SECRET}`,
  `type=volume,src=a,dst=/b,volume-opt=password=${SECRET},bogus=1`,
  `a:/b:password=${SECRET}`,
  {
    Type: 'volume',
    Source: 'a',
    Target: 'relative',
    VolumeOptions: { DriverConfig: { Name: 'local', Options: { o: `password=${SECRET}`, token: SECRET } } },
  },
  { Type: 'volume', Source: 'a', VolumeOptions: { Labels: { key: SECRET }, DriverConfig: SECRET } },
  { Type: { password: SECRET }, Source: 'a', Target: '/b', Password: SECRET },
  { Type: 'volume', Source: { password: SECRET }, Target: '/b' },
  [SECRET],
];
for (const spec of mounts) {
  it(`the mount ${JSON.stringify(spec)} is refused without its secret`, () => {
    assert.throws(
      () => parseMountSpec(spec, { home: '/root' }),
      (error: Error) =>
        error.name === 'BadArgument' && !error.message.includes(SECRET) && error.message.startsWith('The mount'),
    );
  });
}

it('masking takes twice as long for a text of twice the length', () => {
  // Time of the processor, which other programs do not count in; the best of many runs, in turns; three doublings, of
  // which a square makes 64, and seconds at that size; below a tenth of one the collector says more than the masking.
  const time = (run: () => void) => {
    const { user, system } = process.cpuUsage();
    run();
    const spent = process.cpuUsage({ user, system });
    return (spent.user + spent.system) / 1000;
  };
  for (const piece of [
    'pass',
    'pwd ',
    '//a:',
    '//',
    '//a:@',
    'password=,,',
    'password="',
    'aaaa',
    'secret:::',
    'user=a%',
    'a,',
    'sig=&',
  ]) {
    for (const mask of [
      maskedText,
      (text: string) => maskedOptions({ o: text, device: text, x: text }),
      (text: string) => maskedOptions({ o: `password=${text}`, device: `//a:${text}@b?${text}` }),
    ]) {
      const [small, large] = [piece.repeat(16_000), piece.repeat(128_000)];
      let best = [Infinity, Infinity];
      const isLinear = () => best[1]! <= Math.max(best[0]! * 2.5 ** 3, 100);
      for (let run = 0; run < 40 && (run < 2 || !isLinear()); run += 1)
        best = [
          Math.min(
            best[0]!,
            time(() => void mask(small)),
          ),
          Math.min(
            best[1]!,
            time(() => void mask(large)),
          ),
        ];
      assert.ok(isLinear(), `${piece}: ${best[0]} ms, ${best[1]} ms`);
    }
  }
});
