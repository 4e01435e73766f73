/** Problems and differences in sentences. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Mount } from '../engine/model.ts';
import type { Difference } from '../projects/drift.ts';
import type { FileMount, LateChange } from '../projects/model.ts';
import type { Problem } from '../projects/problems.ts';
import { joined, say, sentence, type Shown } from '../ui/shown.ts';

export function rightsWord(readOnly: boolean): Shown {
  return readOnly ? say('read-only') : say('read and write');
}

/** A mount in a few words: `volume shop_db, read-only`. */
export function mountWords({ type, source, readOnly }: Pick<FileMount | Mount, 'type' | 'source' | 'readOnly'>): Shown {
  const what = type === 'volume' && source === '' ? say('an anonymous volume') : joined([type, source], ' ');
  return readOnly ? joined([what, rightsWord(true)], ', ') : what;
}

/** What a container has instead. */
export function differenceWords(difference: Difference): Shown {
  switch (difference.kind) {
    case 'missing':
      return say('{0} is not mounted', difference.target);
    case 'extra':
      return say('{0} is mounted too: {1}', difference.target, mountWords(difference.has));
    case 'source':
      return say('{0} is {1}', difference.target, mountWords(difference.has));
    case 'rights':
      return say('{0} is {1}', difference.target, rightsWord(difference.has.readOnly));
  }
}

function missingSourceWords({ source, makesSource }: FileMount): Shown {
  switch (makesSource) {
    case true:
      return say(
        '"{0}" does not exist. The engine creates an empty directory there, owned by root, when the container starts.',
        source,
      );
    case false:
      return say('"{0}" does not exist, so the container cannot start.', source);
    case undefined:
      return say(
        '"{0}" does not exist. Older versions of Compose refuse to start the container; newer ones create an empty directory there.',
        source,
      );
  }
}

function lateChangeWords({ keyword, target, how }: LateChange): Shown {
  const fate = say(
    'The classic builder and Podman discard such changes; BuildKit keeps them. Move it before the VOLUME to keep them with every builder.',
  );
  const what =
    how === 'certain'
      ? say('This {0} changes data in "{1}" after it was declared a volume.', keyword, target)
      : say('This {0} may change data in "{1}" after it was declared a volume.', keyword, target);
  return joined([what, fate], ' ');
}

function notReadWords({ limit, file, place }: Problem & { readonly kind: 'notRead' }): Shown {
  const where = file === place.file ? '' : ` (${basename(file)})`;
  switch (limit) {
    case 'tooLarge':
      return say('Docker Mounts does not look at the mounts of this file: it is too large{0}.', where);
    case 'tooDeep':
      return say(
        'Docker Mounts does not look at the mounts of this file: its lists and maps are nested too deeply{0}.',
        where,
      );
    case 'tooMuch':
      return say(
        'Docker Mounts does not look at the mounts of this file: its aliases, variables and included files expand to too much{0}.',
        where,
      );
  }
}

/** One problem, for the Problems view. */
export function problemWords(problem: Problem): Shown {
  switch (problem.kind) {
    case 'notRead':
      return notReadWords(problem);
    case 'unreadable':
      return say('This mount cannot be used: {0}.', sentence(problem.entry.why));
    case 'unsetVariable':
      return say(
        'The variable "{0}" is not set in .env or in the environment of VS Code; an empty text replaces it.',
        problem.variable,
      );
    case 'missingSource':
      return missingSourceWords(problem.mount);
    case 'targetTwice':
      return problem.refused
        ? say('The target "{0}" is given twice; the engine refuses such a container.', problem.target)
        : say('The target "{0}" is given twice in this service; only the last entry counts.', problem.target);
    case 'undeclaredVolume':
      return say(
        'The volume "{0}" is not declared under the top-level "volumes:"; Compose refuses the file.',
        problem.key,
      );
    case 'missingExternal':
      return say(
        'The external volume "{0}" does not exist on this engine; Compose does not create it.',
        problem.volume,
      );
    case 'rights':
      if (problem.takenFrom !== undefined && !problem.containerReadOnly) {
        // Tried with Compose 2.26.1, which gives the engine the name alone.
        return say(
          'The container "{0}" has "{1}" writable: Compose 2 drops ":ro" from volumes_from. List the mounts of "{2}" as read-only under "volumes:" instead.',
          problem.container,
          problem.target,
          problem.takenFrom,
        );
      }
      return problem.containerReadOnly
        ? say(
            'The container "{0}" has "{1}" read-only, but the file makes it writable. The change takes effect when the container is created again.',
            problem.container,
            problem.target,
          )
        : say(
            'The container "{0}" has "{1}" writable, but the file makes it read-only. The change takes effect when the container is created again.',
            problem.container,
            problem.target,
          );
    case 'lateChange':
      return lateChangeWords(problem.change);
  }
}

/**
 * The severity: an error if the container cannot be created, a warning if data may be lost or may not be the intended
 * data.
 */
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
export function placeWords(file: string, line: number | undefined): Shown {
  return joined([basename(file), line], ':');
}
