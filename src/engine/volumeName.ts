/**
 * What the engine accepts as a volume's name (moby/moby, volume/names). In a separate file, so that the parser of
 * mounts does not load the engine.
 */
export const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
