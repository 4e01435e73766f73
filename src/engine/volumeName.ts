/**
 * What the engine takes for a volume's name (moby/moby, volume/names). Apart, so that who parses mounts loads no
 * engine.
 */
export const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
