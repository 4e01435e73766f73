/* What every program needs and a C library would give: memory, text, output, and a way to end with a reason. */

/* GCC may call these by itself. */
void *memcpy(void *to, const void *from, size_t count) {
  for (size_t at = 0; at < count; at += 1) ((u8 *)to)[at] = ((const u8 *)from)[at];
  return to;
}
void *memset(void *to, int value, size_t count) {
  for (size_t at = 0; at < count; at += 1) ((u8 *)to)[at] = (u8)value;
  return to;
}

static size_t length(const char *text) {
  size_t count = 0;
  while (text[count] != 0) count += 1;
  return count;
}

static int equal(const char *one, const char *other) {
  size_t at = 0;
  while (one[at] != 0 && one[at] == other[at]) at += 1;
  return one[at] == other[at];
}

_Noreturn static void leave(int code) {
  for (;;) call1(EXIT_GROUP, code);
}

/* Writes all of it, whatever the pipe takes at once. Nobody reads any more where it fails: then there is nothing to say. */
static void write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    long done = call3(WRITE, fd, bytes, count);
    if (done == -EINTR) continue;
    if (done <= 0) leave(1);
    bytes += done;
    count -= (size_t)done;
  }
}

enum { OUT_BYTES = 65536 };
static char out[OUT_BYTES];
static size_t out_count;

static void flush(void) {
  write_all(1, out, out_count);
  out_count = 0;
}

static void put(const char *bytes, size_t count) {
  while (count > 0) {
    size_t part = OUT_BYTES - out_count < count ? OUT_BYTES - out_count : count;
    memcpy(out + out_count, bytes, part);
    out_count += part;
    bytes += part;
    count -= part;
    if (out_count == OUT_BYTES) flush();
  }
}

static void put_number(u64 value, u32 radix) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % radix];
    value /= radix;
  } while (value > 0);
  put(digits + at, sizeof digits - at);
}

static void put_signed(i64 value) {
  if (value < 0) put("-", 1);
  put_number(value < 0 ? -(u64)value : (u64)value, 10);
}

static void say(const char *text) { write_all(2, text, length(text)); }

/* Control characters would break lines and terminals: they are said as \ooo. */
static void say_name(const char *name) {
  for (; *name != 0; name += 1) {
    u8 byte = (u8)*name;
    char octal[4] = { '\\', (char)('0' + (byte >> 6)), (char)('0' + (byte >> 3 & 7)), (char)('0' + (byte & 7)) };
    if (byte < 32 || byte == 127) write_all(2, octal, 4);
    else write_all(2, name, 1);
  }
}

static const struct { int number; const char *text; } REASONS[] = {
  { EPERM, "EPERM: Operation not permitted" }, { ENOENT, "ENOENT: No such file or directory" }, { EIO, "EIO: Input/output error" },
  { ENOMEM, "ENOMEM: Cannot allocate memory" }, { EACCES, "EACCES: Permission denied" }, { EBUSY, "EBUSY: Device or resource busy" },
  { EEXIST, "EEXIST: File exists" }, { EXDEV, "EXDEV: Invalid cross-device link" }, { ENOTDIR, "ENOTDIR: Not a directory" }, { EISDIR, "EISDIR: Is a directory" },
  { EINVAL, "EINVAL: Invalid argument" }, { EMFILE, "EMFILE: Too many open files" }, { EFBIG, "EFBIG: File too large" }, { ENOSPC, "ENOSPC: No space left on device" },
  { EROFS, "EROFS: Read-only file system" }, { EMLINK, "EMLINK: Too many links" }, { ENAMETOOLONG, "ENAMETOOLONG: File name too long" },
  { ENOSYS, "ENOSYS: Function not implemented" }, { ENOTEMPTY, "ENOTEMPTY: Directory not empty" }, { ELOOP, "ELOOP: Too many levels of symbolic links" },
  { EOPNOTSUPP, "EOPNOTSUPP: Operation not supported" }, { ESTALE, "ESTALE: Stale file handle" }, { EDQUOT, "EDQUOT: Disk quota exceeded" },
};

static void say_error(long error, const char *name) {
  int number = (int)-error;
  const char *text = NULL;
  for (size_t at = 0; at < sizeof REASONS / sizeof *REASONS; at += 1) if (REASONS[at].number == number) text = REASONS[at].text;
  if (text != NULL) say(text);
  else {
    char digits[] = { (char)('0' + number / 1000 % 10), (char)('0' + number / 100 % 10), (char)('0' + number / 10 % 10), (char)('0' + number % 10), 0 };
    say("errno ");
    say(digits);
  }
  say(" (");
  say_name(name);
  say(")\n");
}

/* Ends with what could not be done to `name`. What was put out before still goes out. */
_Noreturn static void fail(long error, const char *name) {
  flush();
  say_error(error, name);
  leave(1);
}

/* Memory that grows. It is never given back: the program ends soon. */
struct buffer { char *bytes; size_t count, room; };

static void reserve(struct buffer *buffer, size_t room) {
  enum { PROT_READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22, MAYMOVE = 1, LEAST = 65536 };
  if (room <= buffer->room) return;
  size_t next = buffer->room == 0 ? LEAST : buffer->room;
  while (next < room) next *= 2;
  long address = buffer->room == 0 ? call6(MMAP, 0, (long)next, PROT_READ_WRITE, PRIVATE_ANONYMOUS, -1, 0) : call4(MREMAP, buffer->bytes, buffer->room, next, MAYMOVE);
  if (address < 0 && address > -4096) fail(address, "memory");
  buffer->bytes = (char *)address;
  buffer->room = next;
}

static void append(struct buffer *buffer, const char *bytes, size_t count) {
  reserve(buffer, buffer->count + count + 1);
  memcpy(buffer->bytes + buffer->count, bytes, count);
  buffer->count += count;
  buffer->bytes[buffer->count] = 0;
}
