/** Samples with what only Compose 2 can read. */
import type { Sample } from './composeSamples.ts';

export const SINCE_V2: readonly Sample[] = [
  {
    name: 'a proxy in the long form: create_host_path, read_only, nocopy, tmpfs with a size',
    directory: 'edge',
    open: 'compose.yml',
    files: {
      'compose.yml': `services:
  proxy:
    image: proxy:3
    volumes:
      - type: bind
        source: /var/run/docker.sock
        target: /var/run/docker.sock
        read_only: true
      - type: bind
        source: ./rules
        target: /etc/proxy/rules
        bind:
          create_host_path: false
      - type: volume
        source: certs
        target: /certs
        volume:
          nocopy: true
      - type: tmpfs
        target: /tmp/proxy
        tmpfs:
          size: 64000000
volumes:
  certs:
    driver: local
`,
    },
    project: 'edge',
    services: {
      proxy: [
        'bind /var/run/docker.sock → /var/run/docker.sock ro',
        'bind ROOT/rules → /etc/proxy/rules',
        'volume edge_certs → /certs',
        'tmpfs  → /tmp/proxy',
      ],
    },
    volumes: { certs: 'edge_certs' },
  },
  {
    name: 'nested defaults, alternatives, a name in the file that is used in a volume’s name',
    directory: 'nested',
    open: 'compose.yaml',
    files: {
      'compose.yaml': `name: \${STACK:-stack}-dev
services:
  app:
    image: app
    volumes:
      - \${A:-\${B:-./deep}}:/a
      - \${SET:+./alternative}\${UNSET:+./no}:/b
      - state:/state
volumes:
  state:
    name: "\${COMPOSE_PROJECT_NAME}.state"
`,
      '.env': 'SET=1\nB=\n',
    },
    project: 'stack-dev',
    services: { app: ['bind ROOT/deep → /a', 'bind ROOT/alternative → /b', 'volume stack-dev.state → /state'] },
    volumes: { state: 'stack-dev.state' },
  },
  {
    name: 'included files, and an override that resets one list and replaces another',
    directory: 'suite',
    open: 'compose.yaml',
    files: {
      'compose.yaml': `include:
  - infra/compose.yaml
services:
  app:
    image: app
    volumes:
      - ./app:/app
      - cache:/cache
  job:
    image: job
    volumes:
      - ./jobs:/jobs
volumes:
  cache:
`,
      'infra/compose.yaml': `services:
  queue:
    image: queue
    volumes:
      - ./queue.conf:/etc/queue.conf:ro
      - queue:/var/lib/queue
volumes:
  queue:
`,
      'compose.override.yaml': `services:
  app:
    volumes: !override
      - ./fresh:/app
  job:
    volumes: !reset []
`,
    },
    project: 'suite',
    services: {
      app: ['bind ROOT/fresh → /app'],
      job: [],
      queue: ['bind ROOT/infra/queue.conf → /etc/queue.conf ro', 'volume suite_queue → /var/lib/queue'],
    },
    volumes: { queue: 'suite_queue' },
  },
  {
    name: 'files named by COMPOSE_FILE; the last entry with a target counts',
    directory: 'listed',
    open: 'docker-compose.prod.yml',
    files: {
      '.env': 'COMPOSE_FILE=base.yml:docker-compose.prod.yml\n',
      'base.yml': `services:
  api:
    image: api
    volumes:
      - one:/data
      - two:/data
      - x:/single
volumes:
  one:
  two:
`,
      'docker-compose.prod.yml': `services:
  api:
    volumes:
      - three:/extra:ro
volumes:
  three:
`,
    },
    project: 'listed',
    services: { api: ['volume listed_two → /data', 'volume listed_three → /extra ro', 'volume  → x:/single'] },
    volumes: { two: 'listed_two', three: 'listed_three' },
  },
];
