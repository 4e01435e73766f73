/**
 * Writes the tree of a tar that an engine sent into a new local folder. The engine may be hostile: nothing is written
 * outside of the folder or over anything, and no written link leads out of it. No library is used, since node-tar and
 * tar-fs decode names as UTF-8, follow links that are already in the folder, or keep those that lead out.
 */
import * as l10n from '@vscode/l10n';
import { link, lstat, mkdir, open, statfs, symlink, type FileHandle } from 'node:fs/promises';
import { memberPath } from '../tar/names.ts';
import { MOST_NAME_BYTES, type TarMember } from '../tar/members.ts';
import { printableName } from '../tar/names.ts';
import { FileFailure } from '../engine/errors.ts';
import type { Logger } from '../engine/log.ts';

const SLASH = Buffer.from('/');

/** Far more than a person downloads, and few enough to remember. */
const MOST_ENTRIES = 10_000_000;
const MOST_LINKS = 1_000_000;
/** Bytes of the names and targets of links, which are held until everything else is written. */
const MOST_LINK_BYTES = 128 * 1024 * 1024;
/** Deeper than any path of Linux (PATH_MAX), so that a tree can be removed again. */
const MOST_DEPTH = 1024;
/** For files of at least this size, the free space is checked first. */
const LARGE_BYTES = 64 * 1024 * 1024;

/** Device names of Windows, which cannot be file names there (Microsoft, "Naming Files, Paths, and Namespaces"). */
const WINDOWS_DEVICE = /^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3])([ .:]|$)/i;

/** Why a name cannot be a file name on this platform; undefined where it can. `name` is one part of a path. */
export function localNameProblem(name: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    return l10n.t('it is not a file name');
  if (platform !== 'win32') return undefined;
  // eslint-disable-next-line no-control-regex -- Windows forbids them
  if (/[\u0000-\u001f<>:"\\|?*]/.test(name)) return l10n.t('Windows forbids one of its characters');
  if (/[ .]$/.test(name)) return l10n.t('Windows drops a space or a full stop at the end');
  return WINDOWS_DEVICE.test(name) ? l10n.t('it is the name of a device on Windows') : undefined;
}

/**
 * Whether a symbolic link in the directory `parent` (a path below the root, '' for the root itself) stays below the
 * root whatever other such links there are: it is relative, steps up at its beginning only, and not further than the
 * root.
 * @internal
 */
export function staysInside(parent: string, target: string, platform: NodeJS.Platform = process.platform): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  if (platform === 'win32' && /[\\:]/.test(target)) return false;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const up = parts.findIndex((part) => part !== '..');
  const rest = up < 0 ? [] : parts.slice(up);
  if (rest.includes('..')) return false;
  return (up < 0 ? parts.length : up) <= parent.split('/').filter((part) => part !== '').length;
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** One tree, as its members arrive. Links are created at the end, so that nothing is ever written through one. */
export class LocalTree {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #hardLinks: { readonly path: string; readonly target: string }[] = [];
  readonly #symbolicLinks = new Map<string, Buffer>();
  #linkBytes = 0;
  #entries = 0;
  #leftOut = 0;
  #file: FileHandle | undefined;
  #madeParent: string | undefined = '';

  /** `folder` was created for this and is empty. */
  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Entries that were written. */
  get entries(): number {
    return this.#entries;
  }

  #refusalError(member: Buffer, why: string): FileFailure {
    const name = printableName(member).slice(0, 300);
    return new FileFailure(
      this.#folder,
      '',
      l10n.t('The engine sent "{0}", which cannot be written here: {1}. Nothing was kept.', name, why),
    );
  }

  /** The path below the root, as Latin-1. Throws FileFailure for an invalid one. */
  #path(member: Buffer): string {
    if (member.toString('latin1').split('/').includes('..'))
      throw this.#refusalError(member, l10n.t('it leads out of the folder'));
    const path = memberPath(member);
    if (path === '') return path;
    const parts = path.split('/');
    if (parts.length > MOST_DEPTH) throw this.#refusalError(member, l10n.t('it is nested too deep'));
    for (const part of parts) {
      const problem = localNameProblem(Buffer.from(part, 'latin1').toString('utf8'));
      if (problem !== undefined) throw this.#refusalError(member, problem);
    }
    return path;
  }

  #local(path: string): Buffer {
    return Buffer.concat([Buffer.from(this.#folder), SLASH, Buffer.from(path, 'latin1')]);
  }

  /** While there is no link in the tree, a directory in it really is a directory. */
  async #makeParent(path: string): Promise<void> {
    const parent = parentOf(path);
    if (parent === this.#madeParent || parent === '') return;
    await mkdir(this.#local(parent), { recursive: true });
    this.#madeParent = parent;
  }

  /** Throws FileFailure, and what node:fs throws. */
  async begin(member: TarMember): Promise<void> {
    const { name, type, mode, bytes } = member;
    if (Math.max(name.length, member.link.length) > MOST_NAME_BYTES)
      throw this.#refusalError(name, l10n.t('its name, or its target, is longer than {0} bytes', MOST_NAME_BYTES));
    const path = this.#path(name);
    if (path === '') return;
    if ((this.#entries += 1) > MOST_ENTRIES)
      throw this.#refusalError(name, l10n.t('there are more than {0} entries', MOST_ENTRIES));
    switch (type) {
      case '5':
        await mkdir(this.#local(path), { recursive: true });
        return;
      case '0':
      case '7':
        if (member.sparse !== undefined)
          throw this.#refusalError(name, l10n.t('it is a sparse file, which an engine does not send'));
        if (!Number.isSafeInteger(bytes) || bytes < 0)
          throw this.#refusalError(name, l10n.t('its size is not a valid file size'));
        await this.#checkRoom(name, bytes);
        await this.#makeParent(path);
        // O_EXCL: neither overwrites a file nor follows a link. No set-user-id, and only this user as owner.
        this.#file = await open(this.#local(path), 'wx', mode & 0o777);
        return;
      case '1': {
        const target = this.#path(member.link);
        if (target === '') throw this.#refusalError(name, l10n.t('it is a link to the folder itself'));
        this.#hardLinks.push({ path, target });
        break;
      }
      case '2':
        // A view would keep the whole chunk in memory.
        this.#symbolicLinks.set(path, Buffer.from(member.link));
        break;
      default:
        this.#entries -= 1;
        this.#log.warn(`"${printableName(name)}" is a device or a pipe and was left out.`);
        return;
    }
    this.#linkBytes += path.length + member.link.length;
    if (this.#linkBytes > MOST_LINK_BYTES)
      throw this.#refusalError(
        name,
        l10n.t('the names of links have more than {0} MiB', MOST_LINK_BYTES / 1024 / 1024),
      );
    if (this.#hardLinks.length + this.#symbolicLinks.size > MOST_LINKS)
      throw this.#refusalError(name, l10n.t('there are more than {0} links', MOST_LINKS));
  }

  async #checkRoom(name: Buffer, bytes: number): Promise<void> {
    if (bytes < LARGE_BYTES) return;
    const { bavail, bsize } = await statfs(this.#folder);
    if (bytes > bavail * bsize)
      throw new FileFailure(
        this.#folder,
        'ENOSPC',
        l10n.t(
          '"{0}" has {1} bytes, but only {2} are free. Free some space, or choose another folder.',
          printableName(name).slice(0, 300),
          bytes,
          bavail * bsize,
        ),
      );
  }

  async write(part: Buffer): Promise<void> {
    await this.#file?.writeFile(part);
  }

  async end(member: TarMember): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    const time = Number.isFinite(member.mtime) ? member.mtime : 0;
    try {
      await file?.utimes(time, time);
    } finally {
      await file?.close();
    }
  }

  /** Creates the links, hard ones first. */
  async finish(signal: AbortSignal): Promise<void> {
    for (const { path, target } of this.#hardLinks) {
      signal.throwIfAborted();
      const symbolic = this.#symbolicLinks.get(target);
      // A hard link to a symbolic link becomes an equal symbolic link.
      if (symbolic !== undefined) {
        this.#symbolicLinks.set(path, symbolic);
        continue;
      }
      await this.#makeParent(path);
      await link(this.#local(target), this.#local(path));
    }
    for (const [path, target] of this.#symbolicLinks) {
      signal.throwIfAborted();
      await this.#symbolicLink(path, target);
    }
    if (this.#leftOut > 0)
      this.#log.warn(`${this.#leftOut} symbolic links lead out of the download and were left out.`);
  }

  async #symbolicLink(path: string, target: Buffer): Promise<void> {
    const parent = parentOf(path);
    if (!staysInside(parent, target.toString('latin1'))) {
      if (this.#leftOut < 20)
        this.#log.warn(
          `The link "${printableName(Buffer.from(path, 'latin1'))}" leads to "${printableName(target).slice(0, 300)}", out of the download, and was left out.`,
        );
      this.#leftOut += 1;
      this.#entries -= 1;
      return;
    }
    await this.#checkParent(path);
    await symlink(target, this.#local(path));
  }

  /** There may be links now: every parent directory must still be a directory. */
  async #checkParent(path: string): Promise<void> {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const above = this.#local(path.slice(0, slash));
      const found = await lstat(above).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (found === undefined) await mkdir(above);
      else if (!found.isDirectory())
        throw this.#refusalError(Buffer.from(path, 'latin1'), l10n.t('it is behind a link'));
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
