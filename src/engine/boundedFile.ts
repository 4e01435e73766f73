/** Small files that others may have written: read only where they are regular files, and only up to a limit. */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** Not a file, or a file that is too large; `problem` says which. */
export class NotSmallFile extends Error {
  override readonly name = 'NotSmallFile';
  readonly problem: 'notAFile' | 'tooLarge';
  /** As the file system says. */
  readonly bytes: number;
  constructor(problem: 'notAFile' | 'tooLarge', bytes: number) {
    super(problem);
    this.problem = problem;
    this.bytes = bytes;
  }
}

/**
 * The text of a file of at most `most` bytes. Throws NotSmallFile for a larger one and for a pipe, a device or a
 * directory, which are not opened; and what the file system throws.
 */
export async function readSmallText(file: string, most: number): Promise<string> {
  const before = await stat(file);
  if (!before.isFile()) throw new NotSmallFile('notAFile', before.size);
  if (before.size > most) throw new NotSmallFile('tooLarge', before.size);
  // If a pipe has replaced it meanwhile, this does not wait for a writer.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new NotSmallFile('notAFile', facts.size);
    const bytes = Buffer.alloc(Math.min(facts.size, most) + 1);
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) return bytes.toString('utf8', 0, at);
      at += bytesRead;
    }
    throw new NotSmallFile('tooLarge', facts.size);
  } finally {
    await handle.close();
  }
}
