/**
 * The volumes that a Dockerfile declares, and what changes their data afterwards (docs.docker.com, Dockerfile
 * reference, VOLUME).
 */
import { posix } from 'node:path';
import { DockerfileParser, type Dockerfile, type From, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { interpolate } from './interpolate.ts';
import type { DeclaredVolume, DockerfileFacts, LateChange, Span } from './model.ts';
import { isWithin, withoutEndSlash } from '../engine/pathEnds.ts';

/**
 * The parser's work grows with the square of the lines, and with that of a line's words: 2,500 short lines took it 0.4
 * s. Real Dockerfiles have a hundred. It runs in a worker, which is ended when it takes too long.
 */
const MOST_LINES = 5000;
const MOST_CHARACTERS = 500_000;

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Stage {
  readonly name: string;
  readonly base: Stage | undefined;
  readonly volumes: { readonly target: string; readonly span: Span }[];
  readonly changes: LateChange[];
  /** Undefined if a variable without a value is part of it. */
  workdir: string | undefined;
}

/** Offsets of the lines' beginnings; a lone carriage return ends a line too, as the parser has it. */
function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map(({ index, 0: end }) => index + end.length)];
}

class DockerfileReader {
  readonly #dockerfile: Dockerfile;
  readonly #starts: readonly number[];
  readonly #length: number;
  readonly #stages: Stage[] = [];

  constructor(text: string) {
    this.#dockerfile = DockerfileParser.parse(text);
    this.#starts = lineStarts(text);
    this.#length = text.length;
  }

  read(): DockerfileFacts {
    for (const instruction of this.#dockerfile.getInstructions()) this.#take(instruction);
    const counting = new Set<Stage>();
    for (let stage = this.#stages.at(-1); stage !== undefined; stage = stage.base) counting.add(stage);
    const volumes = this.#stages.flatMap((stage) =>
      stage.volumes.map((volume): DeclaredVolume => ({ ...volume, stage: stage.name, counts: counting.has(stage) })),
    );
    return { volumes, changes: this.#stages.flatMap(({ changes }) => changes) };
  }

  #take(instruction: Instruction): void {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') return this.#begin(instruction as From);
    const stage = this.#stages.at(-1);
    if (stage === undefined) return;
    switch (keyword) {
      case 'VOLUME':
        stage.volumes.push(...this.#declared(instruction as JSONInstruction));
        break;
      case 'WORKDIR':
        this.#workdir(instruction, stage);
        break;
      case 'COPY':
      case 'ADD':
        this.#copy(instruction as JSONInstruction, stage);
        break;
      case 'RUN':
        this.#run(instruction, stage);
        break;
      default:
    }
  }

  #begin(from: From): void {
    const image = from.getImage()?.toLowerCase();
    const base = this.#stages.find(({ name }) => name.toLowerCase() === image);
    this.#stages.push({
      name: from.getBuildStage() ?? String(this.#stages.length),
      base,
      volumes: [],
      changes: [],
      workdir: base === undefined ? '/' : base.workdir,
    });
  }

  #offset({ line, character }: Position): number {
    return Math.min((this.#starts[line] ?? this.#length) + character, this.#length);
  }

  #span({ start, end }: { readonly start: Position; readonly end: Position }): Span {
    return { start: this.#offset(start), end: this.#offset(end) };
  }

  /** A text with ARG and ENV put in; undefined if one of them has no value before the build. */
  #expand(text: string, line: number): string | undefined {
    const {
      text: expanded,
      unset,
      refused,
    } = interpolate(text, (name) => this.#dockerfile.resolveVariable(name, line) ?? undefined);
    return unset.length > 0 || refused !== undefined ? undefined : expanded;
  }

  /** What an instruction names, in either of its forms, without flags. */
  #words(instruction: JSONInstruction): { readonly text: string; readonly span: Span }[] {
    const json = instruction.getJSONStrings();
    const words =
      json.length > 0
        ? json.map((one) => ({ text: one.getJSONValue(), range: one.getRange() }))
        : instruction.getArguments().map((one) => ({ text: one.getValue(), range: one.getRange() }));
    // The parser takes the lines of a here-document for words too.
    const here = words.find(({ text }) => text.startsWith('<<'))?.range.start.line;
    return words
      .filter(({ range }) => here === undefined || range.start.line <= here)
      .map(({ text, range }) => ({ text, span: this.#span(range) }));
  }

  #declared(instruction: JSONInstruction): { target: string; span: Span }[] {
    const { line } = instruction.getRange().start;
    return this.#words(instruction).flatMap(({ text, span }) => {
      const target = this.#expand(text, line);
      return target === undefined || !posix.isAbsolute(target)
        ? []
        : [{ target: withoutEndSlash(posix.normalize(target)), span }];
    });
  }

  #declaredBefore(stage: Stage): { readonly target: string }[] {
    return [...(stage.base === undefined ? [] : this.#declaredBefore(stage.base)), ...stage.volumes];
  }

  #mark(stage: Stage, instruction: Instruction, how: LateChange['how'], touches: (target: string) => boolean): void {
    const volume = this.#declaredBefore(stage).find(({ target }) => touches(target));
    if (volume !== undefined)
      stage.changes.push({
        span: this.#span(instruction.getRange()),
        keyword: instruction.getKeyword(),
        target: volume.target,
        how,
      });
  }

  #workdir(instruction: Instruction, stage: Stage): void {
    const path = this.#expand(instruction.getArgumentsContent() ?? '', instruction.getRange().start.line);
    stage.workdir =
      path === undefined || (stage.workdir === undefined && !posix.isAbsolute(path))
        ? undefined
        : posix.resolve(stage.workdir ?? '/', path);
    const { workdir } = stage;
    // The directory is created; that of the volume itself exists already.
    if (workdir !== undefined)
      this.#mark(stage, instruction, 'possible', (target) => workdir !== target && isWithin(workdir, target));
  }

  #copy(instruction: JSONInstruction, stage: Stage): void {
    const last = this.#words(instruction)
      .filter(({ text }) => !text.startsWith('<<'))
      .at(-1);
    const written = last && this.#expand(last.text, instruction.getRange().start.line);
    if (written === undefined || (stage.workdir === undefined && !posix.isAbsolute(written))) return;
    const path = posix.resolve(stage.workdir ?? '/', written);
    this.#mark(stage, instruction, 'certain', (target) => isWithin(path, target));
  }

  #run(instruction: Instruction, stage: Stage): void {
    const text = instruction
      .getArguments()
      .map((word) => word.getValue())
      .join(' ');
    const { workdir } = stage;
    this.#mark(stage, instruction, 'possible', (target) => {
      const named = new RegExp(`(^|[^\\w./-])${target.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}($|[^\\w.-])`);
      return named.test(text) || (workdir !== undefined && isWithin(workdir, target));
    });
  }
}

/** Reads a Dockerfile; never throws. A text too large to be one holds nothing. */
export function readDockerfile(text: string): DockerfileFacts {
  if (text.length > MOST_CHARACTERS || lineStarts(text).length > MOST_LINES)
    return { volumes: [], changes: [], limit: 'tooLarge' };
  try {
    return new DockerfileReader(text).read();
  } catch {
    // The parser throws on some broken texts; half a Dockerfile under the cursor is not a failure.
    return { volumes: [], changes: [] };
  }
}
