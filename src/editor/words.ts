/** Problems and differences in sentences. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Mount } from '../engine/model.ts';
import type { Difference } from '../projects/drift.ts';
import type { FileMount, LateChange } from '../projects/model.ts';
import type { Problem } from '../projects/problems.ts';

export function rightsWord(readOnly: boolean): string {
  return readOnly ? vscode.l10n.t('read-only') : vscode.l10n.t('read and write');
}

/** A mount in a few words: `volume shop_db, read-only`. */
export function mountWords({ type, source, readOnly }: Pick<FileMount | Mount, 'type' | 'source' | 'readOnly'>): string {
  const what = type === 'volume' && source === '' ? vscode.l10n.t('an anonymous volume') : source === '' ? type : `${type} ${source}`;
  return readOnly ? `${what}, ${rightsWord(true)}` : what;
}

/** What a container has instead. */
export function differenceWords(difference: Difference): string {
  switch (difference.kind) {
    case 'missing':
      return vscode.l10n.t('{0} is not mounted', difference.target);
    case 'extra':
      return vscode.l10n.t('{0} is mounted too: {1}', difference.target, mountWords(difference.has));
    case 'source':
      return vscode.l10n.t('{0} is {1}', difference.target, mountWords(difference.has));
    case 'rights':
      return vscode.l10n.t('{0} is {1}', difference.target, rightsWord(difference.has.readOnly));
  }
}

function missingSourceWords({ source, makesSource }: FileMount): string {
  switch (makesSource) {
    case true:
      return vscode.l10n.t('"{0}" does not exist. The engine makes an empty directory there, owned by root, when the container starts.', source);
    case false:
      return vscode.l10n.t('"{0}" does not exist, so the container cannot start.', source);
    case undefined:
      return vscode.l10n.t('"{0}" does not exist. Older versions of Compose refuse to start the container; newer ones make an empty directory there.', source);
  }
}

function lateChangeWords({ keyword, target, how }: LateChange): string {
  const fate = vscode.l10n.t('The classic builder and Podman discard such changes; BuildKit keeps them. Put it before the VOLUME to have them with each.');
  const what = how === 'certain' ? vscode.l10n.t('This {0} changes data in "{1}" after it was declared a volume.', keyword, target) : vscode.l10n.t('This {0} may change data in "{1}" after it was declared a volume.', keyword, target);
  return `${what} ${fate}`;
}

function notReadWords({ limit, file, place }: Problem & { readonly kind: 'notRead' }): string {
  const where = file === place.file ? '' : ` (${basename(file)})`;
  switch (limit) {
    case 'tooLarge':
      return vscode.l10n.t('Docker Mounts does not look at the mounts of this file: it is too large{0}.', where);
    case 'tooDeep':
      return vscode.l10n.t('Docker Mounts does not look at the mounts of this file: its lists and maps are nested too deep{0}.', where);
    case 'tooMuch':
      return vscode.l10n.t('Docker Mounts does not look at the mounts of this file: with its aliases, variables and the files that it names it stands for too much{0}.', where);
  }
}

/** One problem, for the Problems view. */
export function problemWords(problem: Problem): string {
  switch (problem.kind) {
    case 'notRead':
      return notReadWords(problem);
    case 'unreadable':
      return vscode.l10n.t('This mount cannot be used: {0}.', problem.entry.why);
    case 'unsetVariable':
      return vscode.l10n.t('The variable "{0}" is not set, neither in .env nor in the environment of VS Code; nothing is put in its place.', problem.variable);
    case 'missingSource':
      return missingSourceWords(problem.mount);
    case 'targetTwice':
      return problem.refused
        ? vscode.l10n.t('The target "{0}" is given twice; the engine refuses such a container.', problem.target)
        : vscode.l10n.t('The target "{0}" is given twice in this service; only the last entry counts.', problem.target);
    case 'undeclaredVolume':
      return vscode.l10n.t('The volume "{0}" is not declared under the top-level "volumes:"; Compose refuses the file.', problem.key);
    case 'missingExternal':
      return vscode.l10n.t('The external volume "{0}" does not exist on this engine; Compose does not make it.', problem.volume);
    case 'rights':
      if (problem.takenFrom !== undefined && !problem.containerReadOnly) {
        // Tried with Compose 2.26.1, which gives the engine the name alone.
        return vscode.l10n.t('The container "{0}" has "{1}" writable: Compose 2 drops ":ro" from volumes_from. Mount what "{2}" has read-only under "volumes:" instead.', problem.container, problem.target, problem.takenFrom);
      }
      return problem.containerReadOnly
        ? vscode.l10n.t('The container "{0}" has "{1}" read-only, the file makes it writable. It follows the file once it is made anew.', problem.container, problem.target)
        : vscode.l10n.t('The container "{0}" has "{1}" writable, the file makes it read-only. It follows the file once it is made anew.', problem.container, problem.target);
    case 'lateChange':
      return lateChangeWords(problem.change);
  }
}

/** How bad it is: an error where the container cannot be made, a warning where data may be lost or not be what is meant. */
export function severityOf(problem: Problem): vscode.DiagnosticSeverity {
  const { Error, Warning, Information } = vscode.DiagnosticSeverity;
  switch (problem.kind) {
    case 'unreadable':
    case 'undeclaredVolume':
      return Error;
    case 'targetTwice':
      return problem.refused ? Error : Warning;
    case 'missingSource':
      return problem.mount.makesSource === false ? Error : Warning;
    case 'unsetVariable':
    case 'missingExternal':
      return Warning;
    case 'rights':
      return Information;
    case 'lateChange':
      return problem.change.how === 'certain' ? Warning : Information;
    case 'notRead':
      return Information;
  }
}

/** A file's name with a line, from 1. */
export function placeWords(file: string, line: number | undefined): string {
  return line === undefined ? basename(file) : `${basename(file)}:${line}`;
}
