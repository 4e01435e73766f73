/** dockerode's types for the layers above; only this layer knows the library itself. */
import type Docker from 'dockerode';

export type { Docker };

/** GET /containers/{id}/json, with what is missing from the published types. */
export type InspectedContainer = Omit<Docker.ContainerInspectInfo, 'Mounts'> & {
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
};

/** GET /volumes/{name}; labels and options are null where there are none. */
export interface InspectedVolume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Options: Readonly<Record<string, string>> | null;
  /** Absent where the driver does not say. */
  readonly CreatedAt?: string;
}
