/** What rows tell the menus in package.json about themselves: each condition there looks for one of these words. */
import type { ScheduledSubject } from '../backup/subject.ts';

/** @internal */
export const CONTEXT_WORDS = [
  'container',
  'running',
  'stopped',
  'mount',
  'volume',
  'files',
  'entry',
  'writableEntry',
  'backup',
  'planned',
  'busy',
  'canInspect',
  'canOpenTerminal',
  'canBackup',
  'canBackupInline',
  'canRestore',
  'canCopyData',
  'canSetReadOnly',
  'canSetReadWrite',
  'canRunNow',
  'canOpenFolder',
  'canCreateFiles',
  'canCreateFilesInline',
  'canDownload',
] as const;
export type ContextWord = (typeof CONTEXT_WORDS)[number];

/** The `contextValue` of a row. */
export function contextOf(words: readonly ContextWord[]): string {
  return words.join(';');
}

function when(is: boolean, ...words: ContextWord[]): ContextWord[] {
  return is ? words : [];
}

export function containerWords(is: { readonly running: boolean; readonly withData: boolean }): ContextWord[] {
  return [
    'container',
    is.running ? 'running' : 'stopped',
    'canInspect',
    'canOpenTerminal',
    ...when(is.withData, 'canBackup', 'canBackupInline', 'canRestore'),
  ];
}

export function mountWords(is: { readonly readOnly: boolean; readonly withData: boolean }): ContextWord[] {
  return [
    'mount',
    'canInspect',
    'canOpenTerminal',
    is.readOnly ? 'canSetReadWrite' : 'canSetReadOnly',
    ...when(is.withData, 'canBackup', 'canRestore', 'canCopyData', 'canOpenFolder', 'canDownload'),
    ...when(is.withData && !is.readOnly, 'canCreateFiles'),
  ];
}

export function volumeWords(): ContextWord[] {
  return [
    'volume',
    'canInspect',
    'canBackup',
    'canBackupInline',
    'canRestore',
    'canCopyData',
    'canOpenFolder',
    'canCreateFiles',
    'canDownload',
  ];
}

export function filesWords(): ContextWord[] {
  return ['files', 'canOpenFolder', 'canCreateFiles', 'canCreateFilesInline', 'canDownload'];
}

export function entryWords(is: { readonly directory: boolean; readonly readOnly: boolean }): ContextWord[] {
  return [
    'entry',
    'canDownload',
    ...when(!is.readOnly, 'writableEntry'),
    ...when(is.directory, 'canOpenFolder'),
    ...when(is.directory && !is.readOnly, 'canCreateFiles', 'canCreateFilesInline'),
  ];
}

export function subjectWords(is: {
  readonly kind: ScheduledSubject['kind'] | undefined;
  readonly planned: boolean;
  readonly busy: boolean;
}): ContextWord[] {
  return [
    // A project cannot be backed up as one subject, nor can what no manifest describes.
    ...when(is.kind !== undefined && is.kind !== 'project', 'canBackup', 'canBackupInline'),
    ...when(is.planned, 'planned'),
    ...when(is.busy, 'busy'),
    ...when(is.planned && !is.busy, 'canRunNow'),
  ];
}
