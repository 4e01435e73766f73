/** What a test makes for itself; all of it goes when the test ends. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, end, removeAll, temporary, unique, volume, WITH_VOLUME } from '../engine/support.ts';

export class Stage {
  readonly connection: Connection;
  readonly folder = temporary();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** An empty folder. */
  destination(): string {
    const path = join(this.folder, unique('to'));
    mkdirSync(path);
    return path;
  }

  /** A folder that holds `index.html`, of 8 bytes. */
  site(): string {
    const path = join(this.folder, unique('site'));
    mkdirSync(path);
    writeFileSync(join(path, 'index.html'), '<p>hello');
    return path;
  }

  /** A volume that holds `rows`, of 8 bytes. */
  async data(): Promise<{ name: string; path: string }> {
    const name = unique('data');
    const path = await volume(this.connection, name);
    writeFileSync(join(path, 'rows'), 'one\ntwo\n');
    return { name, path };
  }

  /** A container with a site at /srv, data at /data and the volume of its image at /var/lib/data. */
  async web(): Promise<{ web: string; site: string; data: string; path: string }> {
    const [web, site, { name: data, path }] = [unique('web'), this.site(), await this.data()];
    const Binds = [`${site}:/srv:ro`, `${data}:/data`];
    await container(this.connection, web, { Image: WITH_VOLUME, HostConfig: { Binds } });
    return { web, site, data, path };
  }

  /** A container that takes its volumes from another. */
  async taker(from: string): Promise<string> {
    const name = unique('taker');
    await container(this.connection, name, { HostConfig: { VolumesFrom: [from] } });
    return name;
  }
}

/** Sets a stage for each test of a suite. */
export function staged(): () => Stage {
  let connection: Connection;
  let stage: Stage;
  before(async () => {
    connection = await connect();
    await removeAll(connection);
  });
  beforeEach(() => {
    stage = new Stage(connection);
  });
  afterEach(() => end(connection, stage.folder));
  return () => stage;
}
