/** Compose projects in the shapes that well-known ones have, with what Compose makes of their mounts. */

export interface Sample {
  readonly name: string;
  /** Name of the project's directory. */
  readonly directory: string;
  /** Texts by path below the directory. */
  readonly files: Readonly<Record<string, string>>;
  /** The file that is open in the editor. */
  readonly open: string;
  readonly project: string;
  /** Per service its mounts as `type source → target [ro]`; ROOT is the project's directory, HOME the user's. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** Names of the volumes that services use, by key. */
  readonly volumes: Readonly<Record<string, string>>;
}

/** Every version of Compose reads these. */
export const SINCE_V1: readonly Sample[] = [
  {
    name: 'a blog with a database in named volumes',
    directory: 'My.Blog',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  db:
    image: mariadb:11
    restart: always
    volumes:
      - db_data:/var/lib/mysql
  blog:
    image: blog:6
    depends_on: [db]
    volumes:
      - "blog_data:/var/www/html"
      - ./uploads.ini:/usr/local/etc/php/conf.d/uploads.ini:ro
      - ~/themes:/themes
volumes:
  db_data: {}
  blog_data:
`,
    },
    project: 'myblog',
    services: {
      db: ['volume myblog_db_data → /var/lib/mysql'],
      blog: [
        'volume myblog_blog_data → /var/www/html',
        'bind ROOT/uploads.ini → /usr/local/etc/php/conf.d/uploads.ini ro',
        'bind HOME/themes → /themes',
      ],
    },
    volumes: { db_data: 'myblog_db_data', blog_data: 'myblog_blog_data' },
  },
  {
    name: 'a scheduler with workers: anchors, merge keys and an own list that replaces the merged one',
    directory: 'flows',
    open: 'compose.yaml',
    files: {
      'compose.yaml': `x-worker: &worker
  image: flows/worker:2
  volumes: &code
    - \${FLOWS_DIR:-.}/dags:/opt/flows/dags
    - \${FLOWS_DIR:-.}/logs:/opt/flows/logs
x-limits: &limits
  restart: unless-stopped
services:
  scheduler:
    <<: [*worker, *limits]
    command: scheduler
  worker:
    <<: *worker
    volumes:
      - scratch:/tmp/scratch
  web:
    image: flows/web:2
    volumes: *code
volumes:
  scratch:
`,
    },
    project: 'flows',
    services: {
      scheduler: ['bind ROOT/dags → /opt/flows/dags', 'bind ROOT/logs → /opt/flows/logs'],
      worker: ['volume flows_scratch → /tmp/scratch'],
      web: ['bind ROOT/dags → /opt/flows/dags', 'bind ROOT/logs → /opt/flows/logs'],
    },
    volumes: { scratch: 'flows_scratch' },
  },
  {
    name: 'services that extend others, of the same file and of another directory',
    directory: 'tracker',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "2.4"
services:
  base:
    image: tracker:24
    volumes:
      - files:/data
      - ./conf:/etc/tracker
  web:
    extends:
      service: base
    volumes:
      - ./web.conf:/etc/tracker:ro
  cron:
    extends:
      file: common/jobs.yml
      service: job
    volumes:
      - files:/data
volumes:
  files:
`,
      'common/jobs.yml': `version: "2.4"
services:
  job:
    image: jobs:1
    volumes:
      - ./crontab:/etc/crontab:ro
      - /var/run/docker.sock:/var/run/docker.sock
`,
    },
    project: 'tracker',
    services: {
      base: ['volume tracker_files → /data', 'bind ROOT/conf → /etc/tracker'],
      web: ['volume tracker_files → /data', 'bind ROOT/web.conf → /etc/tracker ro'],
      cron: [
        'bind ROOT/common/crontab → /etc/crontab ro',
        'bind /var/run/docker.sock → /var/run/docker.sock',
        'volume tracker_files → /data',
      ],
    },
    volumes: { files: 'tracker_files' },
  },
  {
    name: 'a shop with an override file: targets replaced, added, and a service of its own',
    directory: 'shop',
    open: 'docker-compose.override.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  web:
    image: shop:1
    volumes:
      - assets:/srv/assets
      - ./settings:/etc/shop:ro
volumes:
  assets:
`,
      'docker-compose.override.yml': `version: "3.8"
services:
  web:
    volumes:
      - ./assets:/srv/assets
      - ./src:/srv/src
  mail:
    image: mailcatcher
    volumes:
      - mails:/mails
volumes:
  mails:
`,
    },
    project: 'shop',
    services: {
      web: ['bind ROOT/assets → /srv/assets', 'bind ROOT/settings → /etc/shop ro', 'bind ROOT/src → /srv/src'],
      mail: ['volume shop_mails → /mails'],
    },
    volumes: { mails: 'shop_mails' },
  },
  {
    name: 'a mail server with tmpfs in both forms and an anonymous volume',
    directory: 'mail',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  filter:
    image: filter:1
    tmpfs: /run
    volumes:
      - /var/cache/filter
  store:
    image: store:1
    tmpfs:
      - /run
      - /tmp
    volumes:
      - mailboxes:/var/mail:rw
volumes:
  mailboxes:
`,
    },
    project: 'mail',
    services: {
      filter: ['volume  → /var/cache/filter', 'tmpfs  → /run'],
      store: ['volume mail_mailboxes → /var/mail', 'tmpfs  → /run', 'tmpfs  → /tmp'],
    },
    volumes: { mailboxes: 'mail_mailboxes' },
  },
  {
    name: 'a cloud with external volumes and names of its own',
    directory: 'cloud',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  app:
    image: cloud:28
    volumes:
      - html:/var/www/html
      - media:/media
      - backups:/backups:ro
volumes:
  html:
    name: cloud-\${STAGE:-live}-html
  media:
    external: true
  backups:
    external: true
    name: nas-backups
`,
      '.env': 'STAGE=test\n',
    },
    project: 'cloud',
    services: {
      app: ['volume cloud-test-html → /var/www/html', 'volume media → /media', 'volume nas-backups → /backups ro'],
    },
    volumes: { html: 'cloud-test-html', media: 'media', backups: 'nas-backups' },
  },
  {
    name: 'monitoring whose services have profiles',
    directory: 'watch_Tower',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  metrics:
    image: metrics:3
    volumes:
      - ./metrics/:/etc/metrics/
      - metrics_data:/metrics
  exporter:
    image: exporter:1
    profiles: [host]
    volumes:
      - /proc:/host/proc:ro
      - /:/rootfs:ro,rslave
volumes:
  metrics_data:
`,
      '.env': 'COMPOSE_PROFILES=host\n',
    },
    project: 'watch_tower',
    services: {
      metrics: ['bind ROOT/metrics → /etc/metrics', 'volume watch_tower_metrics_data → /metrics'],
      exporter: ['bind /proc → /host/proc ro', 'bind / → /rootfs ro'],
    },
    volumes: { metrics_data: 'watch_tower_metrics_data' },
  },
  {
    name: 'a database whose variables come from .env, with defaults, and a dollar sign',
    directory: 'pg',
    open: 'docker-compose.yml',
    files: {
      'docker-compose.yml': `version: "3.8"
services:
  db:
    image: postgres:16
    volumes:
      - \${DATA}:/var/lib/postgresql/data
      - \${CONF-./conf}:/etc/postgresql:\${MODE:-ro}
      - $INIT/:/docker-entrypoint-initdb.d
      - ./a$$b:/dollar
`,
      '.env': `# where the data is
export DATA="./data dir"
MODE=
INIT='./init'
COMPOSE_PROJECT_NAME=postgres-dev
`,
    },
    project: 'postgres-dev',
    services: {
      db: [
        'bind ROOT/data dir → /var/lib/postgresql/data',
        'bind ROOT/conf → /etc/postgresql ro',
        'bind ROOT/init → /docker-entrypoint-initdb.d',
        'bind ROOT/a$b → /dollar',
      ],
    },
    volumes: {},
  },
];
