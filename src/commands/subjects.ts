/** Which container, volume or directory a command is about: from its arguments, or from a row. */
import * as vscode from 'vscode';
import { SUBJECT_FIELD, type Subject } from '../backup/subject.ts';
import { BadArgument } from '../engine/errors.ts';
import { expandHome } from '../ui/settings.ts';
import type { Node } from '../views/nodes.ts';
import { textOf, textsOf, type Call } from './call.ts';

const KINDS = ['container', 'volume', 'bind'] as const;

/** The subject that the arguments name; undefined for none. Throws BadArgument for several. */
export function subjectOfArguments(call: Call): Subject | undefined {
  const named = KINDS.flatMap((kind): Subject[] => {
    const name = textOf(call, SUBJECT_FIELD[kind]);
    return name === undefined ? [] : [{ kind, name: kind === 'bind' ? expandHome(name) : name }];
  });
  const [subject, ...more] = named;
  if (more.length > 0)
    throw new BadArgument('container', vscode.l10n.t('Give one of container, volume and source, not several.'));
  const targets = textsOf(call, 'targets');
  if (targets === undefined) return subject;
  if (subject?.kind !== 'container')
    throw new BadArgument('targets', vscode.l10n.t('The argument "targets" goes with "container" only.'));
  return { ...subject, targets };
}

/** What a row would back up. */
export function subjectOfNode(node: Node): Subject | undefined {
  switch (node.kind) {
    case 'container':
      return { kind: 'container', name: node.container.name };
    case 'mount':
      return { kind: 'container', name: node.container.name, targets: [node.mount.target] };
    case 'volume':
    case 'use':
    case 'files':
      return { kind: 'volume', name: node.volume.name };
    case 'subject':
      return node.subject?.kind === 'project' ? undefined : node.subject;
    case 'lineage':
    case 'backup':
    case 'file':
    case 'more':
    case 'notice':
      return undefined;
  }
}
