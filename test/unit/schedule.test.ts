import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { removals, type PlannedArchive } from '../../src/schedule/retention.ts';
import { dueAt, retryAt, SKEW_MS } from '../../src/schedule/due.ts';
import { parseEntry, parseSchedule, type When } from '../../src/schedule/entry.ts';
import type { Keep } from '../../src/schedule/retentionRules.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (iso: string) => Date.parse(iso);
const when = (raw: object): When => parseEntry({ volume: 'v', ...raw }).when;
const due = (raw: object, done: string[], now: string, since?: string) =>
  new Date(dueAt(when(raw), done.map(at), since === undefined ? undefined : at(since), at(now))).toISOString();

let zone: string | undefined;
before(() => {
  zone = process.env['TZ'];
  process.env['TZ'] = 'Europe/Berlin';
});
after(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('when a backup is due', () => {
  const table: [what: string, raw: object, done: string[], now: string, due: string][] = [
    ['never done: now', { every: '6h' }, [], '2026-11-24T12:00:00Z', '2026-11-24T12:00:00.000Z'],
    [
      'an interval after the last',
      { every: '6h' },
      ['2026-11-24T10:00:00Z', '2026-11-24T04:00:00Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-24T16:00:00.000Z',
    ],
    [
      'closed for a week: once, at once',
      { every: '1d' },
      ['2026-11-17T10:00:00Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-18T10:00:00.000Z',
    ],
    [
      'a time of day that is to come',
      { at: '23:00' },
      ['2026-11-23T22:00:01Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-24T22:00:00.000Z',
    ],
    [
      'a time of day that was missed',
      { at: ['03:00', '23:00'] },
      ['2026-11-22T22:00:01Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-24T02:00:00.000Z',
    ],
    [
      'that was done a little late',
      { at: '03:00' },
      ['2026-11-24T08:00:00Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-25T02:00:00.000Z',
    ],
    [
      'on its weekday only: the next Monday',
      { at: '03:00', weekdays: ['mon'] },
      ['2026-11-23T02:10:00Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-30T02:00:00.000Z',
    ],
    [
      'the night that has no 02:30: at 03:30',
      { at: '02:30' },
      ['2026-03-28T02:00:00Z'],
      '2026-03-29T00:59:00Z',
      '2026-03-29T01:30:00.000Z',
    ],
    [
      'the night that has 02:30 twice: the first',
      { at: '02:30' },
      ['2026-10-24T01:00:00Z'],
      '2026-10-25T00:00:00Z',
      '2026-10-25T00:30:00.000Z',
    ],
    [
      'and not again an hour later',
      { at: '02:30' },
      ['2026-10-25T00:30:05Z'],
      '2026-10-25T01:31:00Z',
      '2026-10-26T01:30:00.000Z',
    ],
    [
      'the clock was a year ahead: what was done then holds nothing up',
      { every: '1d' },
      ['2027-11-24T10:00:00Z', '2026-11-24T10:00:00Z'],
      '2026-11-24T12:00:00Z',
      '2026-11-25T10:00:00.000Z',
    ],
    [
      'another machine is minutes ahead: it was done',
      { at: '13:00' },
      ['2026-11-24T12:03:00Z'],
      '2026-11-24T12:00:30Z',
      '2026-11-25T12:00:00.000Z',
    ],
  ];
  for (const [what, raw, done, now, expected] of table) it(what, () => assert.equal(due(raw, done, now), expected));

  it('what lay before the entry was made is not caught up', () => {
    assert.equal(due({ at: '03:00' }, [], '2026-11-24T12:00:00Z', '2026-11-24T11:00:00Z'), '2026-11-25T02:00:00.000Z');
    assert.equal(due({ at: '03:00' }, [], '2026-11-24T12:00:00Z'), '2026-11-24T02:00:00.000Z');
    assert.equal(
      due({ every: '1d' }, [], '2026-11-24T12:00:00Z', '2030-01-01T00:00:00Z'),
      '2026-11-24T12:00:00.000Z',
      'a start written under a wrong clock',
    );
  });

  const whens = fc.oneof(
    fc.integer({ min: 1, max: 60 * 24 * 30 }).map((minutes): When => ({ kind: 'every', ms: minutes * 60_000 })),
    fc
      .record({
        minutes: fc.uniqueArray(fc.integer({ min: 0, max: 1439 }), { minLength: 1, maxLength: 4 }),
        weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
      })
      .map(({ minutes, weekdays }): When => ({ kind: 'at', minutes: minutes.sort((a, b) => a - b), weekdays })),
  );
  const moments = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') });

  it('done once it is not due again at that moment, whatever was missed and whatever the clock said before', () => {
    fc.assert(
      fc.property(whens, fc.array(moments), moments, (rule, done, now) => {
        const next = dueAt(rule, [...done, now], undefined, now);
        assert.ok(next > now);
        const longest = rule.kind === 'every' ? rule.ms : 8 * DAY;
        assert.ok(next <= now + longest, 'and is due again after its interval, or within eight days');
      }),
    );
  });

  it('no two runs for one slot: over days, woken at random, never more runs than slots and none missed', () => {
    fc.assert(
      fc.property(
        whens.filter((rule) => rule.kind === 'at'),
        moments,
        fc.array(fc.integer({ min: 1, max: 5 * 60 }), { minLength: 50, maxLength: 200 }),
        (rule, start, steps) => {
          if (rule.kind !== 'at') return;
          const done: number[] = [start];
          let now = start;
          const slots = new Set<number>();
          for (const minutes of steps) {
            now += minutes * 60_000;
            const slot = dueAt(rule, done, undefined, now);
            if (slot > now) continue;
            assert.ok(!slots.has(slot), 'this slot was run before');
            slots.add(slot);
            done.push(now);
            assert.ok(dueAt(rule, done, undefined, now) > now);
          }
        },
      ),
    );
  });

  it('a clock that jumps about makes no storm: at most one run for each jump and each interval', () => {
    fc.assert(
      fc.property(
        whens,
        moments,
        fc.array(fc.integer({ min: -400 * 24, max: 400 * 24 }), { maxLength: 10 }),
        (rule, start, jumps) => {
          const done: number[] = [];
          let now = start;
          for (const hours of [0, ...jumps]) {
            now += hours * HOUR;
            let runs = 0;
            for (let minute = 0; minute < 30; minute += 1) {
              now += 60_000;
              if (dueAt(rule, done, undefined, now) > now) continue;
              runs += 1;
              done.push(now);
            }
            const allowed = rule.kind === 'every' ? 1 + Math.ceil((30 * 60_000) / rule.ms) : 1 + rule.minutes.length;
            assert.ok(runs <= allowed, `${runs} runs in half an hour`);
          }
        },
      ),
    );
  });

  it('a failure is tried again after a minute, then ever later, at most an hour', () => {
    const now = at('2026-11-24T12:00:00Z');
    assert.deepEqual(
      [1, 2, 3, 7, 50].map((attempts) => (retryAt(now, attempts, now) - now) / 60_000),
      [1, 2, 4, 60, 60],
    );
    assert.equal(retryAt(now + 2 * SKEW_MS, 3, now), now, 'one from under a wrong clock holds nothing up');
  });
});

describe('which archives go', () => {
  const now = at('2026-11-24T12:00:00Z');
  const archive = (age: number, more: Partial<PlannedArchive> = {}): PlannedArchive => ({
    file: `/b/${String(10_000 - age).padStart(5, '0')}.tar`,
    createdAt: new Date(now - age * HOUR).toISOString(),
    bytes: 1000,
    verified: true,
    ...more,
  });
  const ages = (gone: readonly { file: string }[]) => gone.map(({ file }) => 10_000 - Number(file.slice(3, 8)));
  const left = (all: PlannedArchive[], keep: Keep) => {
    const gone = ages(removals(all, keep, now));
    return all.map(({ file }) => 10_000 - Number(file.slice(3, 8))).filter((age) => !gone.includes(age));
  };

  it('the last three stay', () =>
    assert.deepEqual(
      left(
        [1, 2, 3, 4, 5].map((age) => archive(age)),
        { last: 3 },
      ),
      [1, 2, 3],
    ));
  it('without a rule all stay', () => assert.deepEqual(removals([archive(1), archive(2)], undefined, now), []));
  it('the newest of each day, week and month', () => {
    const all = Array.from({ length: 100 }, (_, day) => [archive(day * 24 + 1), archive(day * 24 + 6)]).flat();
    // 24 November 2026 is a Tuesday: the weeks end with 23 h and every 7 days before; October ends 24 days ago.
    assert.deepEqual(left(all, { daily: 2 }), [1, 25]);
    assert.deepEqual(left(all, { weekly: 3 }), [1, 49, 49 + 168]);
    assert.deepEqual(left(all, { monthly: 2 }), [1, 24 * 24 + 1]);
  });
  it('one that failed its check pushes none out, and goes once there is a newer such', () => {
    assert.deepEqual(left([archive(1, { verified: false }), archive(2), archive(3)], { last: 2 }), [1, 2, 3]);
    assert.deepEqual(
      left([archive(1, { verified: false }), archive(2, { problem: 'size' }), archive(3), archive(4)], { last: 1 }),
      [1, 3],
    );
  });
  it('ones that were never verified do not push out the last that was', () =>
    assert.deepEqual(
      left([archive(1, { verified: undefined }), archive(2, { verified: undefined }), archive(3)], { last: 1 }),
      [1, 3],
    ));
  it('after the content shrank to less than half, however many follow, what was there before stays', () => {
    const small = [1, 2, 3, 4].map((age) => archive(age, { bytes: 10 }));
    assert.deepEqual(left([...small, archive(5), archive(6), archive(7)], { last: 2 }), [1, 2, 5, 6]);
    assert.deepEqual(
      left([archive(0), ...small, archive(5), archive(6)], { last: 2 }),
      [0, 1],
      'grown again, all count alike',
    );
  });
  it('one that bears a date in the future is left alone, and does not count', () =>
    assert.deepEqual(left([archive(-5000), archive(1), archive(2)], { last: 1 }), [-5000, 1]));
  it('says why', () =>
    assert.match(
      removals([archive(1), archive(2)], { last: 1 }, now)[0]?.reason ?? '',
      /older than what is kept \(last 1\)/,
    ));

  const any = fc.record({
    age: fc.integer({ min: -100, max: 9000 }),
    bytes: fc.integer({ min: 0, max: 5000 }),
    verified: fc.constantFrom(true, false, undefined),
    problem: fc.constantFrom(undefined, undefined, undefined, 'the file has other bytes'),
  });
  const lists = fc
    .uniqueArray(any, { selector: ({ age }) => age, maxLength: 60 })
    .map((list) => list.map(({ age, ...rest }) => archive(age, rest)));
  const keeps = fc
    .record(
      {
        last: fc.integer({ min: 1, max: 8 }),
        daily: fc.integer({ min: 0, max: 8 }),
        weekly: fc.integer({ min: 0, max: 5 }),
        monthly: fc.integer({ min: 0, max: 5 }),
      },
      { requiredKeys: [] },
    )
    .filter((keep) => Object.values(keep).some((count) => count > 0));
  const isGood = ({ verified, problem }: PlannedArchive) => verified !== false && problem === undefined;

  it('never the last good one, never the newest, and at least as many good ones as are to be kept', () => {
    fc.assert(
      fc.property(lists, keeps, (all, keep) => {
        const gone = new Set(removals(all, keep, now).map(({ file }) => file));
        const rest = all.filter(({ file }) => !gone.has(file));
        const good = all.filter(isGood);
        const verified = good.filter(({ verified }) => verified === true);
        if (good.length > 0) assert.ok(rest.some(isGood));
        if (verified.length > 0) assert.ok(rest.some((one) => isGood(one) && one.verified === true));
        const newest = [...all].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))[0];
        if (newest) assert.ok(!gone.has(newest.file));
        assert.ok(rest.filter(isGood).length >= Math.min(good.length, keep.last ?? 0));
        const days = (list: PlannedArchive[]) => new Set(list.map(({ createdAt }) => createdAt.slice(0, 10))).size;
        assert.ok(days(rest.filter(isGood)) >= Math.min(days(good), keep.daily ?? 0));
      }),
    );
  });
  it('done twice it removes nothing more, and the order of the list does not matter', () => {
    fc.assert(
      fc.property(lists, keeps, (all, keep) => {
        const first = removals(all, keep, now);
        assert.deepEqual(removals([...all].reverse(), keep, now), first);
        const rest = all.filter(({ file }) => !first.some((gone) => gone.file === file));
        assert.deepEqual(removals(rest, keep, now), []);
      }),
    );
  });
  it('an archive that is not sound never makes a good one go', () => {
    fc.assert(
      fc.property(lists, keeps, (all, keep) => {
        const goodGone = (list: PlannedArchive[]) =>
          removals(list, keep, now)
            .map(({ file }) => file)
            .filter((file) => all.some((one) => one.file === file && isGood(one)));
        assert.deepEqual(goodGone(all), goodGone(all.filter(isGood)));
      }),
    );
  });
});

describe('the setting', () => {
  it('entries of every kind, with an id of their subject where they have none', () => {
    const { entries, problems } = parseSchedule([
      { volume: 'db', every: '6h' },
      {
        id: 'web',
        container: 'web',
        targets: ['/data'],
        at: ['03:00', '15:30'],
        weekdays: ['Mon', 'friday'],
        keep: { last: 3 },
        verify: false,
      },
      { project: 'shop', at: '3:05', keep: { daily: 7, weekly: 4 } },
      { source: '/srv', every: '1w' },
    ]);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      entries.map(({ id, when: { kind }, verify }) => [id, kind, verify]),
      [
        ['volume:db', 'every', true],
        ['web', 'at', false],
        ['project:shop', 'at', true],
        ['source:/srv', 'every', true],
      ],
    );
    assert.deepEqual(entries[1]?.when, { kind: 'at', minutes: [180, 930], weekdays: [1, 5] });
  });

  const bad: [unknown, RegExp][] = [
    [7, /Entry 1 .*give an object/],
    [{ every: '1d' }, /does not say what to back up; name a "volume"/],
    [{ volume: 'a', container: 'b', every: '1d' }, /names "container" and "volume"; give one/],
    [{ volume: 'a' }, /does not say when/],
    [{ volume: 'a', every: '1d', at: '03:00' }, /both "every" and "at"/],
    [{ volume: 'a', every: '0h' }, /"every" is "0h".*from 1m to a year/],
    [{ volume: 'a', every: '* * * * *' }, /"every" is .*such as "30m"/],
    [{ volume: 'a', at: '24:00' }, /"at" is "24:00"/],
    [{ volume: 'a', at: '03:00', weekdays: ['someday'] }, /"weekdays" is "someday"; use sun/],
    [{ id: 'x', volume: 'a', every: '1d', keep: { last: 0 } }, /Entry 1 \("x"\).*would keep nothing/],
    [{ volume: 'a', every: '1d', keep: { last: 1.5 } }, /"keep.last" is 1.5/],
    [{ volume: 'a', every: '1d', keep: { hourlyish: 1 } }, /"keep.hourlyish" is unknown/],
    [{ volume: 'a', evry: '1d' }, /"evry" is unknown/],
    [{ volume: 'a', every: '1d', compression: 'rar' }, /"compression" is "rar"; use one of zstd/],
    [{ volume: 'a', targets: ['/x'], every: '1d' }, /"targets".*"container" only/],
    [{ volume: '  ', every: '1d' }, /"volume" is " {2}"/],
    [{ volume: 'a', every: '1d', since: 'tomorrow' }, /"since"/],
  ];
  for (const [entry, message] of bad) {
    it(`${JSON.stringify(entry)} is named, and the good entry beside it works`, () => {
      const { entries, problems } = parseSchedule([entry, { volume: 'good', every: '1d' }]);
      assert.deepEqual(
        entries.map(({ id }) => id),
        ['volume:good'],
      );
      assert.equal(problems.length, 1);
      assert.match(problems[0]?.message ?? '', message);
    });
  }
  it('two entries with one id, and a setting that is no list', () => {
    assert.match(
      parseSchedule([
        { volume: 'a', every: '1d' },
        { volume: 'a', at: '03:00' },
      ]).problems[0]?.message ?? '',
      /Entry 2 .*"volume:a", is already used by an earlier entry/,
    );
    assert.match(parseSchedule({ volume: 'a' }).problems[0]?.message ?? '', /must be a list/);
  });
  it('whatever it holds, it is read without a throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { entries, problems } = parseSchedule(value);
        assert.equal(entries.length + problems.length, Array.isArray(value) ? value.length : value === null ? 0 : 1);
      }),
    );
  });
});
