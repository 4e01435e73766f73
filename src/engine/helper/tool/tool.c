/*
 * Docker Mounts' own program, the only one that it runs over a user's volumes and directories: lists, removes and renames
 * files, and keeps the safety copy of a restore. No image of anybody else is run for that.
 *
 *   tool VERB ROOT ARGUMENT…
 *
 * ROOT is where the mount is in the container. A name or path below it is given in hexadecimal digits, so that any bytes
 * pass through the engine's JSON. Every step below ROOT opens one name in the directory before (openat, O_NOFOLLOW): a
 * link is never followed by the system, so none leads out of the mount, also not one that is put there meanwhile.
 * Nothing has a fixed size that a name, a path, a depth or a number of files could exceed.
 */
#include "linux.h"

/* Exit codes besides 0, 1 (failed, the reason is on stderr) and 2 (wrongly called). `src/files/idleTool.ts` has them too. */
enum { EXIT_MISSING = 21, EXIT_NOT_A_DIRECTORY = 22, EXIT_OUTSIDE = 23, EXIT_EXISTS = 24, EXIT_IS_A_DIRECTORY = 25, EXIT_NOT_EMPTY = 26, EXIT_MOUNTED = 27, EXIT_OTHER_MOUNT = 28 };

#include "base.h"
#include "tree.h"

_Noreturn static void misused(const char *why) {
  say(why);
  say("\n");
  leave(2);
}

static int digit_of(char one) {
  if (one >= '0' && one <= '9') return one - '0';
  if (one >= 'a' && one <= 'f') return one - 'a' + 10;
  misused("an argument is not hexadecimal");
}

/* The bytes that hexadecimal digits stand for, with a NUL behind them. */
static char *decoded(const char *digits) {
  struct buffer bytes = { 0 };
  reserve(&bytes, length(digits) / 2 + 1);
  for (; *digits != 0; digits += 2) {
    char byte = (char)(digit_of(digits[0]) << 4 | digit_of(digits[1]));
    if (byte == 0) misused("a name holds a NUL");
    append(&bytes, &byte, 1);
  }
  append(&bytes, "", 0);
  return bytes.bytes;
}

/* One name in a directory. */
static char *name_of(const char *digits) {
  char *name = decoded(digits);
  if (*name == 0 || equal(name, ".") || equal(name, "..")) misused("a name is missing");
  for (const char *at = name; *at != 0; at += 1) if (*at == '/') misused("a name holds a slash");
  return name;
}

static u64 number_of(const char *text, u32 radix) {
  u64 value = 0;
  for (; *text >= '0' && *text <= '9'; text += 1) value = value * radix + (u64)(*text - '0');
  return value;
}

/* What `src/files/write.ts` calls a file that is not yet in its place; 12 hexadecimal digits follow. */
static const char SAVE_PREFIX[] = ".docker-mounts-save-";

static int root;

static void open_root(const char *place) {
  long fd = open_at(AT_FDCWD, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) fail(fd, place);
  root = (int)fd;
}

/*
 * The directory at a path below the root. A relative link in the path is put into the path as text, which is exact since
 * all before it is known to be no link, and the walk begins anew; an absolute one leads elsewhere in the user's container
 * than here, so whoever asks has to know where.
 */
static int directory_at(const char *digits) {
  enum { MOST_LINKS = 40, LINK_BYTES = 1 << 18 };
  char *text = decoded(digits);
  for (int links = 0; links <= MOST_LINKS; links += 1) {
    int fd = root;
    size_t at = 0, solved = 0;
    const char *instead = NULL;
    while (instead == NULL) {
      while (text[at] == '/') at += 1;
      if (text[at] == 0) return fd;
      size_t end = at;
      while (text[end] != '/' && text[end] != 0) end += 1;
      char after = text[end];
      text[end] = 0;
      const char *name = text + at;
      if (equal(name, ".")) {
        text[end] = after;
        at = end;
        continue;
      }
      if (equal(name, "..")) {
        if (solved == 0) leave(EXIT_OUTSIDE);
        while (solved > 0 && text[solved - 1] == '/') solved -= 1;
        while (solved > 0 && text[solved - 1] != '/') solved -= 1;
        instead = "";
      } else {
        long next = open_at(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        if (next == -ENOENT || next == -ENAMETOOLONG) leave(EXIT_MISSING);
        if (next < 0) {
          struct stat facts;
          if ((next != -ENOTDIR && next != -ELOOP) || stat_at(fd, name, &facts) < 0) fail(next, name);
          if ((facts.mode & S_IFMT) != S_IFLNK) leave(EXIT_NOT_A_DIRECTORY);
          struct buffer link = { 0 };
          reserve(&link, LINK_BYTES);
          long count = call4(READLINKAT, fd, name, link.bytes, LINK_BYTES - 1);
          if (count < 0) fail(count, name);
          link.bytes[count] = 0;
          if (link.bytes[0] == '/' || count == LINK_BYTES - 1) leave(EXIT_OUTSIDE);
          instead = link.bytes;
        } else {
          if (fd != root) close_fd(fd);
          fd = (int)next;
          solved = end;
        }
      }
      text[end] = after;
      at = end;
    }
    if (fd != root) close_fd(fd);
    struct buffer next = { 0 };
    append(&next, text, solved);
    append(&next, "/", 1);
    append(&next, instead, length(instead));
    append(&next, text + at, length(text + at));
    text = next.bytes;
  }
  leave(EXIT_OUTSIDE);
}

/* The same directory, opened so that it can be read. */
static int readable(int dir) {
  long fd = open_at(dir, ".", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) fail(fd, "directory");
  return (int)fd;
}

/* What is called `name`. Ends where there is nothing. */
static struct stat look(int dir, const char *name) {
  struct stat facts;
  long error = stat_at(dir, name, &facts);
  if (error == -ENOENT || error == -ENAMETOOLONG) leave(EXIT_MISSING);
  if (error < 0) fail(error, name);
  return facts;
}

/* A rename is on the disk when its directory is. Some file systems cannot do that for directories. */
static void sync_directory(int dir) {
  long fd = open_at(dir, ".", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return;
  long error = call1(FSYNC, fd);
  if (error < 0 && error != -EINVAL && error != -EROFS && error != -EOPNOTSUPP) fail(error, "directory");
  close_fd((int)fd);
}

/* ROOT, directory → records `NAME/MODE/SIZE/SECONDS/`, mode in hexadecimal, which no name can imitate: it holds no slash. */
static void list(char **args) {
  static char chunk[CHUNK];
  int dir = readable(directory_at(args[0]));
  for (;;) {
    long count = call3(GETDENTS64, dir, chunk, CHUNK);
    if (count == -EINTR) continue;
    if (count < 0) fail(count, "directory");
    if (count == 0) return;
    for (long at = 0; at < count;) {
      struct dirent *entry = (struct dirent *)(chunk + at);
      at += entry->reclen;
      if (equal(entry->name, ".") || equal(entry->name, "..")) continue;
      struct stat facts;
      long error = stat_at(dir, entry->name, &facts);
      /* Vanished meanwhile. */
      if (error == -ENOENT) continue;
      if (error < 0) fail(error, entry->name);
      put(entry->name, length(entry->name));
      put("/", 1);
      put_number(facts.mode, 16);
      put("/", 1);
      put_number((u64)facts.size, 10);
      put("/", 1);
      put_signed(facts.mtime);
      put("/", 1);
    }
  }
}

/* ROOT → every path below it but those of sockets, which no tar holds, each with a NUL behind it. */
static void find(void) {
  walk(root, LIST);
  flush();
  if (some_failed) leave(1);
}

/* ROOT, directory, name, 1 for all that is in it too */
static void remove_one(char **args) {
  int dir = directory_at(args[0]);
  char *name = name_of(args[1]);
  struct stat facts = look(dir, name);
  if (!equal(args[2], "1") && is_dir(&facts)) {
    long error = unlink_at(dir, name, AT_REMOVEDIR);
    if (error == -ENOTEMPTY || error == -EEXIST) leave(EXIT_NOT_EMPTY);
    if (error < 0) fail(error, name);
    return;
  }
  remove_tree(dir, name);
}

/* Whether a directory is, or is in, the one with these facts. */
static int is_in(int dir, const struct stat *other) {
  struct stat top, own, above;
  if (stat_fd(root, &top) < 0) return 1;
  for (int fd = dir;;) {
    if (stat_fd(fd, &own) < 0) return 1;
    if (is_same(&own, other)) return 1;
    if (is_same(&own, &top)) return 0;
    long next = open_at(fd, "..", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (next < 0 || stat_fd((int)next, &above) < 0 || is_same(&own, &above)) return next < 0;
    if (fd != dir) close_fd(fd);
    fd = (int)next;
  }
}

/* A name like those that a save uses, so that a later one removes what a crash may leave of it. */
static void temporary_name(char name[33]) {
  enum { DIGITS = 12, MONOTONIC = 1 };
  struct timespec now = { 0, 0 };
  call2(CLOCK_GETTIME, MONOTONIC, &now);
  u64 number = (u64)now.sec * 1000000000 + (u64)now.nsec;
  memcpy(name, SAVE_PREFIX, sizeof SAVE_PREFIX - 1);
  for (size_t digit = 0; digit < DIGITS; digit += 1, number >>= 4) name[sizeof SAVE_PREFIX - 1 + digit] = "0123456789abcdef"[number & 15];
  name[sizeof SAVE_PREFIX - 1 + DIGITS] = 0;
}

/* Puts one thing in the place of another of another kind, or of a directory, whose contents then go. */
static long replace(int from, const char *name, int to, const char *next, const struct stat *target) {
  if (is_in(from, target)) fail(-EINVAL, "a directory cannot be put in the place of one around it");
  long error = rename_at2(from, name, to, next, RENAME_EXCHANGE);
  if (error == 0) {
    remove_tree(from, name);
    return 0;
  }
  if (error != -EINVAL && error != -ENOSYS && error != -EPERM && error != -EOPNOTSUPP) return error;
  /* The file system or the system cannot swap two names. */
  char old[33];
  temporary_name(old);
  error = rename_at(to, next, to, old);
  if (error < 0) return error;
  error = rename_at(from, name, to, next);
  if (error < 0) rename_at(to, old, to, next);
  else remove_tree(to, old);
  return error;
}

/* ROOT, directory, name, new directory, new name, 1 to write over what is there */
static void move(char **args) {
  int from = directory_at(args[0]), to = directory_at(args[2]);
  char *name = name_of(args[1]), *next = name_of(args[3]);
  int overwrite = equal(args[4], "1");
  struct stat facts = look(from, name), target, from_dir, to_dir;
  int is_there = stat_at(to, next, &target) == 0;
  int is_one = is_there && is_same(&facts, &target);
  int is_one_directory = stat_fd(from, &from_dir) == 0 && stat_fd(to, &to_dir) == 0 && is_same(&from_dir, &to_dir);
  if (is_one && is_one_directory && equal(name, next)) return;
  /* The very same file is "there" where a file system takes small letters and capitals for one. */
  int is_other_spelling = is_one && is_one_directory && (is_dir(&facts) || facts.nlink == 1);
  if (is_there && !overwrite && !is_other_spelling) leave(EXIT_EXISTS);
  long error;
  if (is_one && !is_other_spelling) {
    /* Two names of one file: a rename would leave both (rename(2)). */
    error = unlink_at(from, name, 0);
  } else if (is_there) {
    error = rename_at(from, name, to, next);
    if (error == -EISDIR || error == -ENOTDIR || error == -ENOTEMPTY || error == -EEXIST) error = replace(from, name, to, next, &target);
  } else {
    error = rename_at2(from, name, to, next, RENAME_NOREPLACE);
    if (error == -EEXIST) leave(EXIT_EXISTS);
    if (error == -EINVAL || error == -ENOSYS || error == -EPERM) error = rename_at(from, name, to, next);
  }
  if (error == -EXDEV) leave(EXIT_OTHER_MOUNT);
  if (error < 0) fail(error, name);
  sync_directory(to);
  if (!is_one_directory) sync_directory(from);
}

/* What other sessions left aside: `.docker-mounts-save-` and 12 hexadecimal digits, unchanged for long. */
static int is_forgotten(int dir, const char *name) {
  enum { DIGITS = 12, FILE_SECONDS = 3600, DIRECTORY_SECONDS = 24 * 3600, REALTIME = 0 };
  size_t at = 0;
  for (; SAVE_PREFIX[at] != 0; at += 1) if (name[at] != SAVE_PREFIX[at]) return 0;
  for (size_t digit = 0; digit < DIGITS; digit += 1, at += 1) if (!((name[at] >= '0' && name[at] <= '9') || (name[at] >= 'a' && name[at] <= 'f'))) return 0;
  struct stat facts;
  struct timespec now;
  if (name[at] != 0 || stat_at(dir, name, &facts) < 0 || call2(CLOCK_GETTIME, REALTIME, &now) < 0) return 0;
  /* A directory that is being filled keeps its time. */
  return now.sec - facts.mtime > (is_dir(&facts) ? DIRECTORY_SECONDS : FILE_SECONDS);
}

static void remove_forgotten(int dir) {
  static char chunk[CHUNK];
  int fd = readable(dir);
  for (long count; (count = call3(GETDENTS64, fd, chunk, CHUNK)) > 0;) {
    for (long at = 0; at < count;) {
      struct dirent *entry = (struct dirent *)(chunk + at);
      at += entry->reclen;
      if (is_forgotten(dir, entry->name)) remove_tree(dir, entry->name);
    }
  }
}

/*
 * ROOT, directory, temporary name, name, 1 to write over a file: puts what was written aside in its place by one rename,
 * once it is on the disk. What other sessions left aside long ago goes.
 */
static void commit(char **args) {
  int dir = directory_at(args[0]);
  char *temporary = name_of(args[1]), *name = name_of(args[2]);
  int overwrite = equal(args[3], "1");
  struct stat facts = look(dir, temporary), target;
  if (stat_at(dir, name, &target) == 0) {
    if (!overwrite) leave(EXIT_EXISTS);
    if (is_dir(&target)) leave(EXIT_IS_A_DIRECTORY);
  }
  call4(UTIMENSAT, dir, temporary, NULL, AT_SYMLINK_NOFOLLOW);
  if ((facts.mode & S_IFMT) == S_IFREG) {
    long fd = open_at(dir, temporary, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    long error = fd < 0 ? fd : call1(FSYNC, fd);
    if (error < 0 && error != -EINVAL && error != -EOPNOTSUPP) fail(error, name);
    close_fd((int)fd);
  }
  long error = -EINVAL;
  if (!overwrite) error = rename_at2(dir, temporary, dir, name, RENAME_NOREPLACE);
  if (error == -EEXIST) leave(EXIT_EXISTS);
  if (error == -EINVAL || error == -ENOSYS || error == -EPERM) error = rename_at(dir, temporary, dir, name);
  if (error == -EISDIR) leave(EXIT_IS_A_DIRECTORY);
  if (error < 0) fail(error, name);
  sync_directory(dir);
  remove_forgotten(dir);
}

/* ROOT, directory, name → owner, group and mode in hexadecimal */
static void owner(char **args) {
  struct stat facts = look(directory_at(args[0]), name_of(args[1]));
  put_number(facts.uid, 10);
  put(" ", 1);
  put_number(facts.gid, 10);
  put(" ", 1);
  put_number(facts.mode, 16);
}

/* Copies from where `from` is to its end. Returns a negative error of whatever side; `is_write` says which. */
static long copy(int from, int to, int *is_write) {
  for (;;) {
    long count = call3(READ, from, out, OUT_BYTES);
    *is_write = 0;
    if (count == -EINTR) continue;
    if (count <= 0) return count;
    *is_write = 1;
    for (long at = 0; at < count;) {
      long done = call3(WRITE, to, out + at, count - at);
      if (done == -EINTR) continue;
      if (done <= 0) return done < 0 ? done : -EIO;
      at += done;
    }
  }
}

static int open_regular(int dir, const char *name, int flags) {
  struct stat facts = look(dir, name);
  if ((facts.mode & S_IFMT) != S_IFREG) leave(EXIT_MISSING);
  long fd = open_at(dir, name, flags | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd < 0) fail(fd, name);
  if (stat_fd((int)fd, &facts) < 0 || (facts.mode & S_IFMT) != S_IFREG) leave(EXIT_MISSING);
  return (int)fd;
}

/* ROOT, directory, name → content */
static void read_one(char **args) {
  char *name = name_of(args[1]);
  int is_write;
  long error = copy(open_regular(directory_at(args[0]), name, O_RDONLY), 1, &is_write);
  if (error < 0) fail(error, name);
}

/* Writes a file into another that stays the same one. Its room is taken first, so that a full disk changes nothing. */
static long pour(int from, int to) {
  struct stat facts;
  int is_write;
  long error = stat_fd(from, &facts);
  if (error < 0) return error;
  error = facts.size == 0 ? 0 : call4(FALLOCATE, to, FALLOC_FL_KEEP_SIZE, 0, facts.size);
  if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG) return error;
  call3(LSEEK, from, 0, 0);
  call3(LSEEK, to, 0, 0);
  error = copy(from, to, &is_write);
  if (error == 0) error = call2(FTRUNCATE, to, facts.size);
  if (error == 0) error = call1(FSYNC, to);
  return error == -EINVAL || error == -EOPNOTSUPP ? 0 : error;
}

/*
 * FILE, NEW, OLD: the content of NEW goes into FILE, which is itself a mount, so that no other file can take its place.
 * OLD, which is made, holds the old content meanwhile; it comes back where the new one does not fit.
 */
static void overwrite(char **args) {
  int file = open_regular(AT_FDCWD, args[0], O_RDWR), next = open_regular(AT_FDCWD, args[1], O_RDONLY), is_write;
  unlink_at(AT_FDCWD, args[2], 0);
  long old = open_at(AT_FDCWD, args[2], O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  long error = old < 0 ? old : copy(file, (int)old, &is_write);
  if (error < 0) fail(error, args[2]);
  error = pour(next, file);
  if (error == 0) return;
  long second = pour((int)old, file);
  if (second < 0) {
    say("The old content could not be put back: ");
    say_error(second, args[0]);
  }
  fail(error, args[0]);
}

/* The names of a restore's safety directory: the given beginning with the word for how far the work is. */
static char *safety(const char *digits, const char *word) {
  struct buffer name = { 0 };
  char *id = name_of(digits);
  append(&name, id, length(id));
  append(&name, word, length(word));
  return name.bytes;
}

static int is_there_directory(const char *name) {
  struct stat facts;
  return stat_at(root, name, &facts) == 0 && is_dir(&facts);
}

/* Brings `name` from one directory into another. What is in its way goes. */
static void bring(int from, const char *name, int to) {
  long error = rename_at(from, name, to, name);
  if (error == -EISDIR || error == -ENOTDIR || error == -ENOTEMPTY || error == -EEXIST) {
    remove_tree(to, name);
    error = rename_at(from, name, to, name);
  }
  if (error < 0) fail(error, name);
}

/* Moves all entries of one directory into another, or, with no other, removes them; all but the one called `except`. */
static void empty(int from, const char *except, int to) {
  static char chunk[CHUNK];
  /* Some file systems pass entries over when others go meanwhile. */
  for (u32 passes = 0, moved = 1; moved > 0; passes += 1) {
    if (passes > MOST_PASSES) fail(-EBUSY, "new files come without an end");
    moved = 0;
    call3(LSEEK, from, 0, 0);
    for (long count; (count = call3(GETDENTS64, from, chunk, CHUNK)) != 0;) {
      if (count == -EINTR) continue;
      if (count < 0) fail(count, "directory");
      for (long at = 0; at < count;) {
        struct dirent *entry = (struct dirent *)(chunk + at);
        at += entry->reclen;
        if (equal(entry->name, ".") || equal(entry->name, "..") || equal(entry->name, except)) continue;
        if (to >= 0) bring(from, entry->name, to);
        else remove_tree(from, entry->name);
        moved += 1;
      }
    }
  }
}

static void rename_in_root(const char *name, const char *next) {
  long error = rename_at(root, name, root, next);
  if (error < 0) fail(error, name);
  sync_directory(root);
}

static int open_in_root(const char *name) {
  long fd = open_at(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) fail(fd, name);
  return (int)fd;
}

/* ROOT, id, the one file or nothing: moves what is there into a safety directory. */
static void aside(char **args) {
  char *moving = safety(args[0], "moving");
  long error = call3(MKDIRAT, root, moving, 0700);
  if (error < 0) fail(error, moving);
  int to = open_in_root(moving);
  if (*args[1] == 0) empty(root, moving, to);
  else {
    char *only = name_of(args[1]);
    struct stat facts;
    if (stat_at(root, only, &facts) == 0) bring(root, only, to);
  }
  sync_directory(to);
  rename_in_root(moving, safety(args[0], "before"));
}

/* `uid:gid`, octal mode and seconds; nothing where the root's own are not known. The time comes last: all else changes it. */
static void set_owner(char **args) {
  if (*args[0] == 0) return;
  const char *group = args[0];
  while (*group != 0 && *group != ':') group += 1;
  long error = call3(FCHOWN, root, number_of(args[0], 10), number_of(*group == 0 ? group : group + 1, 10));
  /* Also where the owner stays: a change of it takes set-user-id away. */
  if (error == 0) error = call2(FCHMOD, root, number_of(args[1], 8));
  if (error < 0) fail(error, "root directory");
}

static void set_time(char **args) {
  enum { UTIME_OMIT = 0x3ffffffe, NANOSECONDS = 1000000000 };
  if (*args[0] == 0) return;
  const char *text = args[2];
  int is_negative = *text == '-';
  if (is_negative) text += 1;
  struct timespec times[2] = { { 0, UTIME_OMIT }, { (i64)number_of(text, 10), 0 } };
  while (*text >= '0' && *text <= '9') text += 1;
  if (*text == '.') {
    i64 scale = NANOSECONDS / 10;
    for (text += 1; *text >= '0' && *text <= '9'; text += 1, scale /= 10) times[1].nsec += scale * (*text - '0');
  }
  if (is_negative) {
    times[1].sec = -times[1].sec;
    if (times[1].nsec > 0) times[1].sec -= 1, times[1].nsec = NANOSECONDS - times[1].nsec;
  }
  long error = call4(UTIMENSAT, root, NULL, times, 0);
  if (error < 0) fail(error, "root directory");
}

/* ROOT, id, the one file or nothing, owner, mode, seconds: brings all back, however far the work was, and removes what is new. */
static void back(char **args) {
  char *moving = safety(args[0], "moving"), *before = safety(args[0], "before"), *done = safety(args[0], "done");
  if (is_there_directory(done)) {
    remove_tree(root, done);
    return;
  }
  if (is_there_directory(before)) {
    if (*args[1] == 0) empty(root, before, -1);
    else remove_tree(root, name_of(args[1]));
    rename_in_root(before, moving);
  }
  if (!is_there_directory(moving)) return;
  empty(open_in_root(moving), "", root);
  sync_directory(root);
  set_owner(args + 2);
  long error = unlink_at(root, moving, AT_REMOVEDIR);
  if (error < 0) fail(error, moving);
  set_time(args + 2);
  sync_directory(root);
}

/* ROOT, id: what is new is to stay. It is on the disk before the old goes. */
static void done(char **args) {
  char *before = safety(args[0], "before"), *name = safety(args[0], "done");
  if (is_there_directory(before)) {
    long error = call1(SYNCFS, root);
    if (error < 0 && error != -ENOSYS && error != -EPERM) fail(error, "root directory");
    rename_in_root(before, name);
  }
  remove_tree(root, name);
}

/* ROOT, owner, mode, seconds: empties the root. */
static void clear(char **args) {
  empty(root, "", -1);
  set_owner(args);
  set_time(args);
}

/* Stays until it is told to end, so that the tool can be run in its container without one for each call. */
_Noreturn static void idle(void) {
  enum { SIG_BLOCK = 0, SIGINT = 2, SIGTERM = 15, SIGCHLD = 17, WNOHANG = 1 };
  u64 signals = 1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1) | 1ull << (SIGCHLD - 1);
  call4(SIGPROCMASK, SIG_BLOCK, &signals, NULL, sizeof signals);
  for (;;) {
    long signal = call4(SIGTIMEDWAIT, &signals, NULL, NULL, sizeof signals);
    if (signal == SIGINT || signal == SIGTERM) leave(0);
    /* The first process of a container inherits the orphans. */
    while (call4(WAIT4, -1, NULL, WNOHANG, NULL) > 0) continue;
  }
}

static const struct { const char *name; int args; void (*run)(char **); } VERBS[] = {
  { "list", 1, list }, { "remove", 3, remove_one }, { "move", 5, move }, { "commit", 4, commit }, { "owner", 2, owner }, { "read", 2, read_one },
  { "aside", 2, aside }, { "back", 5, back }, { "done", 1, done }, { "clear", 3, clear },
};

/* `stack`: the number of arguments, then they themselves, as the kernel leaves them. */
__attribute__((used)) _Noreturn void begin(long *stack) {
  long count = stack[0];
  char **args = (char **)(stack + 1);
  if (count == 2 && equal(args[1], "idle")) idle();
  if (count == 5 && equal(args[1], "overwrite")) {
    overwrite(args + 2);
    leave(0);
  }
  if (count < 3) misused("a verb and a directory are needed");
  int is_find = count == 3 && equal(args[1], "find");
  for (size_t at = 0; at < sizeof VERBS / sizeof *VERBS; at += 1) {
    if (!equal(args[1], VERBS[at].name) || count != 3 + VERBS[at].args) continue;
    open_root(args[2]);
    VERBS[at].run(args + 3);
    flush();
    leave(0);
  }
  if (!is_find) misused("there is no such verb with so many arguments");
  /* A mount can be of a single file, which has nothing below it. */
  struct stat facts;
  if (stat_at(AT_FDCWD, args[2], &facts) == 0 && !is_dir(&facts)) leave(0);
  open_root(args[2]);
  find();
  leave(0);
}
