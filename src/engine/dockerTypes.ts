/** dockerode's types for the floors above; the library itself is known here only. */
import type Docker from 'dockerode';

export type { Docker };
