/*
 * Walks a tree of any depth and any size in bounded memory, never through a symbolic link. Only directories that lie
 * near the top stay open; the others are reached again by "..", and it is checked that this leads back to the same one.
 */
enum { KEPT_OPEN = 128, CHUNK = 32768, MOST_PASSES = 64 };
enum task { REMOVE, LIST, LOOK_FOR_MOUNTS };

struct level {
  struct stat facts;
  u64 mount;
  /* Where its contents go on being read after what was read last. */
  i64 off;
  /* -1 while a deep directory is left for one in it. */
  int fd;
  u32 at, end;
  /* Where its name begins in `path`. */
  size_t name;
  u32 passes;
  u8 is_changed;
};

static struct buffer levels, chunks, deep_chunk;
/* The path of the current directory from the top of the walk, "a/b". */
static struct buffer path;
static int some_failed;

static struct level *level_of(size_t depth) { return (struct level *)levels.bytes + depth; }
static char *chunk_of(size_t depth) { return depth < KEPT_OPEN ? chunks.bytes + depth * CHUNK : deep_chunk.bytes; }

/*
 * A number that differs between mounts, even of one file system. 0 where the kernel says none: then the device number
 * alone tells mounts apart. By `name` in `dir`, or `dir` itself for "".
 */
static u64 mount_of(int dir, const char *name) {
  struct statx facts;
  memset(&facts, 0, sizeof facts);
  if (call5(STATX, dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH, STATX_MNT_ID, &facts) >= 0 && (facts.mask & STATX_MNT_ID) != 0 && facts.mnt_id != 0) return facts.mnt_id;
  /* Before Linux 5.8, and in emulators. */
  if (*name != 0) {
    long own = open_at(dir, name, O_PATH | O_NOFOLLOW, 0);
    if (own < 0) return 0;
    u64 id = mount_of((int)own, "");
    close_fd((int)own);
    return id;
  }
  char file[40] = "/proc/self/fdinfo/";
  size_t at = length(file);
  u32 scale = 1;
  while ((u32)dir / scale >= 10) scale *= 10;
  for (; scale > 0; scale /= 10) file[at++] = (char)('0' + (u32)dir / scale % 10);
  long fd = open_at(AT_FDCWD, file, O_RDONLY, 0);
  if (fd < 0) return 0;
  char text[256];
  long count = call3(READ, fd, text, sizeof text - 1);
  close_fd((int)fd);
  text[count < 0 ? 0 : count] = 0;
  u64 id = 0;
  static const char KEY[] = "mnt_id:\t";
  for (char *line = text; *line != 0; line += 1) {
    size_t same = 0;
    while (KEY[same] != 0 && line[same] == KEY[same]) same += 1;
    if (KEY[same] != 0) continue;
    for (line += same; *line >= '0' && *line <= '9'; line += 1) id = id * 10 + (u64)(*line - '0');
    return id;
  }
  return 0;
}

/* Whether anything is mounted on a directory or file of the mount that `fd` is in; 1 where the system does not say. */
static int has_mounts_on_it(int fd) {
  u64 own = mount_of(fd, "");
  long file = open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
  if (own == 0 || file < 0) return 1;
  /* Each line begins with the number of a mount and that of the mount that it lies on (proc(5)). */
  char text[4096];
  u32 field = 0;
  u64 value = 0;
  int is_found = 0;
  for (long count; (count = call3(READ, file, text, sizeof text)) > 0 || count == -EINTR;) {
    for (long at = 0; at < count; at += 1) {
      char one = text[at];
      if (one == '\n') field = 0, value = 0;
      else if (one != ' ') value = value * 10 + (u64)(one - '0');
      else {
        if (field == 1 && value == own) is_found = 1;
        field += 1;
        value = 0;
      }
    }
  }
  close_fd((int)file);
  return is_found;
}

static void refuse_mount(void) {
  flush();
  say_name(path.bytes);
  leave(EXIT_MOUNTED);
}

static void enter_level(size_t depth, int fd, size_t name) {
  reserve(&levels, (depth + 1) * sizeof(struct level));
  reserve(&deep_chunk, CHUNK);
  reserve(&chunks, (depth < KEPT_OPEN ? depth + 1 : KEPT_OPEN) * CHUNK);
  struct level *level = level_of(depth);
  memset(level, 0, sizeof *level);
  level->fd = fd;
  level->name = name;
  long error = stat_fd(fd, &level->facts);
  if (error < 0) fail(error, path.bytes);
  level->mount = mount_of(fd, "");
}

static int is_other_mount(const struct level *level, const struct level *child) { return level->facts.dev != child->facts.dev || level->mount != child->mount; }

static void leave_name(size_t name) {
  path.count = name > 0 ? name - 1 : 0;
  path.bytes[path.count] = 0;
}

/* Opens a deep directory again from one in it. */
static void reopen(struct level *level, int from) {
  struct stat facts;
  long fd = open_at(from, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) fail(fd, path.bytes);
  long error = stat_fd((int)fd, &facts);
  if (error < 0) fail(error, path.bytes);
  /* Somebody moved it meanwhile: what is above now is not what the walk came from. */
  if (!is_same(&facts, &level->facts)) fail(-ESTALE, path.bytes);
  call3(LSEEK, fd, level->off, 0);
  level->fd = (int)fd;
  level->at = level->end = 0;
}

/* Reads on in a directory; 0 at its end. */
static int refill(struct level *level, size_t depth, enum task task) {
  long count;
  do count = call3(GETDENTS64, level->fd, chunk_of(depth), CHUNK);
  while (count == -EINTR);
  level->at = 0;
  level->end = count < 0 ? 0 : (u32)count;
  if (count >= 0 || count == -ENOENT) return count > 0;
  if (task != LIST) fail(count, path.bytes);
  flush();
  say_error(count, path.bytes);
  some_failed = 1;
  return 0;
}

/*
 * Does the task to all that is in the directory `top`, which is left open. LIST puts out every path but those of sockets,
 * each with a NUL behind it; what it cannot read is said, and the walk goes on. REMOVE does not enter other mounts.
 */
static void walk(int top, enum task task) {
  size_t depth = 0;
  path.count = 0;
  append(&path, "", 0);
  enter_level(0, top, 0);
  for (;;) {
    struct level *level = level_of(depth);
    if (level->at >= level->end && !refill(level, depth, task)) {
      if (depth == 0) {
        if (task != REMOVE || !level->is_changed || ++level->passes > MOST_PASSES) break;
        /* Some file systems pass entries over when others are removed meanwhile. */
        level->is_changed = 0;
        call3(LSEEK, level->fd, 0, 0);
        continue;
      }
      struct level *parent = level_of(depth - 1);
      if (parent->fd < 0) reopen(parent, level->fd);
      if (task == REMOVE) {
        long error = unlink_at(parent->fd, path.bytes + level->name, AT_REMOVEDIR);
        if ((error == -ENOTEMPTY || error == -EEXIST) && level->is_changed && ++level->passes <= MOST_PASSES) {
          if (depth - 1 >= KEPT_OPEN) close_fd(parent->fd), parent->fd = -1;
          level->is_changed = 0;
          call3(LSEEK, level->fd, 0, 0);
          continue;
        }
        if (error < 0 && error != -ENOENT) fail(error, path.bytes);
        parent->is_changed = 1;
      }
      close_fd(level->fd);
      leave_name(level->name);
      depth -= 1;
      continue;
    }
    struct dirent *entry = (struct dirent *)(chunk_of(depth) + level->at);
    level->at += entry->reclen;
    level->off = entry->off;
    if (equal(entry->name, ".") || equal(entry->name, "..")) continue;
    size_t before = path.count;
    if (before > 0) append(&path, "/", 1);
    size_t name = path.count;
    append(&path, entry->name, length(entry->name));
    const char *own = path.bytes + name;
    struct stat facts;
    u8 type = entry->type;
    if (type == DT_UNKNOWN && stat_at(level->fd, own, &facts) == 0) type = is_dir(&facts) ? DT_DIR : (facts.mode & S_IFMT) == S_IFSOCK ? DT_SOCK : 1;
    if (task == LOOK_FOR_MOUNTS) {
      u64 mount = mount_of(level->fd, own);
      if (mount != 0 && mount != level->mount) refuse_mount();
    }
    if (task == LIST && type != DT_SOCK) put(path.bytes, path.count + 1);
    if (task == REMOVE) {
      /*
       * An empty directory, and a file, go at once. What is no longer what it was is tried as the other. What something is
       * mounted on is busy, before the system looks whether it is empty: so no mount is ever entered.
       */
      long error = unlink_at(level->fd, own, type == DT_DIR ? AT_REMOVEDIR : 0);
      if (error == -ENOTDIR) error = unlink_at(level->fd, own, 0);
      if (error == -EISDIR) error = unlink_at(level->fd, own, AT_REMOVEDIR);
      if (error == 0) level->is_changed = 1;
      if (error == -EBUSY) refuse_mount();
      int is_left = error == -ENOTEMPTY || error == -EEXIST;
      if (error < 0 && error != -ENOENT && !is_left) fail(error, path.bytes);
      type = is_left ? DT_DIR : 1;
    }
    long child = type == DT_DIR ? open_at(level->fd, own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) : -ENOENT;
    if (child < 0) {
      if (child != -ENOENT && child != -ENOTDIR && child != -ELOOP) {
        if (task != LIST) fail(child, path.bytes);
        flush();
        say_error(child, path.bytes);
        some_failed = 1;
      }
      path.count = before;
      path.bytes[before] = 0;
      continue;
    }
    enter_level(depth + 1, (int)child, name);
    level = level_of(depth);
    if (task != LIST && is_other_mount(level, level_of(depth + 1))) refuse_mount();
    if (depth >= KEPT_OPEN) close_fd(level->fd), level->fd = -1;
    depth += 1;
  }
}

/* Removes what is called `name`; a directory with all that is in it. Nothing of it where something is mounted in it. */
static void remove_tree(int dir, const char *name) {
  long error = unlink_at(dir, name, 0);
  if (error == 0 || error == -ENOENT) return;
  if (error == -EBUSY) {
    path.count = 0;
    append(&path, name, length(name));
    refuse_mount();
  }
  struct stat facts;
  if (stat_at(dir, name, &facts) < 0 || !is_dir(&facts)) fail(error, name);
  error = unlink_at(dir, name, AT_REMOVEDIR);
  if (error == 0) return;
  long top = open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (top < 0) fail(top, name);
  path.count = 0;
  append(&path, name, length(name));
  if (error == -EBUSY || mount_of(dir, "") != mount_of((int)top, "")) refuse_mount();
  if (has_mounts_on_it((int)top)) {
    walk((int)top, LOOK_FOR_MOUNTS);
    call3(LSEEK, top, 0, 0);
  }
  walk((int)top, REMOVE);
  close_fd((int)top);
  error = unlink_at(dir, name, AT_REMOVEDIR);
  if (error < 0 && error != -ENOENT) fail(error, name);
}
