/**
 * What becomes of every field of a container's inspect answer when its replacement is made. The fields are those of
 * the Docker Engine API, version 1.25 to 1.51 (ContainerInspect and ContainerCreate); one that is not here, of a newer
 * engine, is carried over as it is.
 */

/**
 * `same`: as it was. `adapted`: as it was, but for what the change or the new id asks. `given`: the engine makes it
 * anew.
 */
export type Fate = 'same' | 'adapted' | 'given';

const same = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, 'same'])) as Record<K, 'same'>;
const given = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, 'given'])) as Record<K, 'given'>;

/** What the container runs, and how. */
export const CONFIG: Readonly<Record<string, Fate>> = {
  ...same(
    'Domainname',
    'User',
    'AttachStdin',
    'AttachStdout',
    'AttachStderr',
    'Tty',
    'OpenStdin',
    'StdinOnce',
    'Env',
    'Cmd',
  ),
  ...same(
    'Healthcheck',
    'ArgsEscaped',
    'Volumes',
    'WorkingDir',
    'NetworkDisabled',
    'MacAddress',
    'OnBuild',
    'Labels',
    'StopSignal',
    'StopTimeout',
    'Shell',
  ),
  // One made of the old id is made of the new; one that comes with another's network comes with it again.
  Hostname: 'adapted',
  // None are asked for in another's network, which has its own.
  ExposedPorts: 'adapted',
  // By its id where the tag has moved on to another image, and that of a commit where the layer is kept.
  Image: 'adapted',
  // One that was taken away from an image that has one must be taken away again.
  Entrypoint: 'adapted',
};

/** Mounts, limits, rights and devices. */
export const HOST_CONFIG: Readonly<Record<string, Fate>> = {
  // The mounts, with the change; anonymous volumes by their names.
  Binds: 'adapted',
  Mounts: 'adapted',
  Tmpfs: 'adapted',
  // Without those that are gone: what they gave is mounted by name.
  VolumesFrom: 'adapted',
  ...same(
    'VolumeDriver',
    'ContainerIDFile',
    'LogConfig',
    'NetworkMode',
    'PortBindings',
    'RestartPolicy',
    'AutoRemove',
    'ConsoleSize',
    'Annotations',
  ),
  ...same(
    'CapAdd',
    'CapDrop',
    'Capabilities',
    'CgroupnsMode',
    'Dns',
    'DnsOptions',
    'DnsSearch',
    'ExtraHosts',
    'GroupAdd',
    'IpcMode',
    'Cgroup',
    'Links',
  ),
  ...same(
    'OomScoreAdj',
    'PidMode',
    'Privileged',
    'PublishAllPorts',
    'ReadonlyRootfs',
    'SecurityOpt',
    'StorageOpt',
    'UTSMode',
    'UsernsMode',
    'ShmSize',
  ),
  ...same(
    'Sysctls',
    'Runtime',
    'Isolation',
    'MaskedPaths',
    'ReadonlyPaths',
    'Init',
    'CgroupParent',
    'CpuShares',
    'CpuPeriod',
    'CpuQuota',
    'CpuCount',
  ),
  ...same(
    'CpuPercent',
    'CpuRealtimePeriod',
    'CpuRealtimeRuntime',
    'CpusetCpus',
    'CpusetMems',
    'NanoCpus',
    'Memory',
    'MemoryReservation',
    'MemorySwap',
  ),
  ...same(
    'MemorySwappiness',
    'KernelMemory',
    'KernelMemoryTCP',
    'OomKillDisable',
    'PidsLimit',
    'Ulimits',
    'BlkioWeight',
    'BlkioWeightDevice',
  ),
  ...same(
    'BlkioDeviceReadBps',
    'BlkioDeviceWriteBps',
    'BlkioDeviceReadIOps',
    'BlkioDeviceWriteIOps',
    'IOMaximumIOps',
    'IOMaximumBandwidth',
  ),
  ...same('Devices', 'DeviceCgroupRules', 'DeviceRequests'),
};

/** One network of NetworkSettings.Networks. */
export const ENDPOINT: Readonly<Record<string, Fate>> = {
  ...same('IPAMConfig', 'Links', 'DriverOpts', 'GwPriority'),
  // Without the one that is made of the old id.
  Aliases: 'adapted',
  ...given(
    'NetworkID',
    'EndpointID',
    'Gateway',
    'IPAddress',
    'IPPrefixLen',
    'IPv6Gateway',
    'GlobalIPv6Address',
    'GlobalIPv6PrefixLen',
    'DNSNames',
    'MacAddress',
  ),
};

/** The part of an inspect answer to ask of the engine again: all but what it gives itself, and what is empty. */
export function carried<T extends object>(part: T, fates: Readonly<Record<string, Fate>>): Partial<T> {
  return Object.fromEntries(
    Object.entries(part).filter(([name, value]) => fates[name] !== 'given' && value !== null),
  ) as Partial<T>;
}
