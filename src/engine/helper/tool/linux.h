/*
 * The system calls that the tool makes, for amd64 and arm64, without a C library: the program is then a few kilobytes,
 * depends on nothing in its image, and is the same bytes wherever it is compiled. Numbers and layouts are those of the
 * kernel's stable interface (include/uapi/asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl).
 */
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, FSTAT = 5, LSEEK = 8, MMAP = 9, SIGPROCMASK = 14, MREMAP = 25, FSYNC = 74, FTRUNCATE = 77, FCHMOD = 91, FCHOWN = 93, SIGTIMEDWAIT = 128, GETDENTS64 = 217, CLOCK_GETTIME = 228, EXIT_GROUP = 231, WAIT4 = 61, OPENAT = 257, MKDIRAT = 258, NEWFSTATAT = 262, UNLINKAT = 263, RENAMEAT = 264, READLINKAT = 267, UTIMENSAT = 280, FALLOCATE = 285, SYNCFS = 306, RENAMEAT2 = 316, STATX = 332 };
enum { O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000 };
struct stat { u64 dev, ino, nlink; u32 mode, uid, gid, pad0; u64 rdev; i64 size, blksize, blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns, unused[3]; };

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call begin\n  hlt\n");

#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, CLOSE = 57, FSTAT = 80, LSEEK = 62, MMAP = 222, SIGPROCMASK = 135, MREMAP = 216, FSYNC = 82, FTRUNCATE = 46, FCHMOD = 52, FCHOWN = 55, SIGTIMEDWAIT = 137, GETDENTS64 = 61, CLOCK_GETTIME = 113, EXIT_GROUP = 94, WAIT4 = 260, OPENAT = 56, MKDIRAT = 34, NEWFSTATAT = 79, UNLINKAT = 35, RENAMEAT = 38, READLINKAT = 78, UTIMENSAT = 88, FALLOCATE = 47, SYNCFS = 267, RENAMEAT2 = 276, STATX = 291 };
enum { O_DIRECTORY = 040000, O_NOFOLLOW = 0100000 };
struct stat { u64 dev, ino; u32 mode, nlink, uid, gid; u64 rdev, pad0; i64 size; u32 blksize, pad1; i64 blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns; u32 unused[2]; };

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl begin\n  brk #0\n");

#else
#error "The tool is for amd64 and arm64."
#endif

_Static_assert(offsetof(struct stat, size) == 48, "the kernel's struct stat");

enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NONBLOCK = 04000, O_CLOEXEC = 02000000, O_PATH = 010000000 };
enum { AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_REMOVEDIR = 0x200, AT_NO_AUTOMOUNT = 0x800, AT_EMPTY_PATH = 0x1000 };
enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, FALLOC_FL_KEEP_SIZE = 1 };
enum { S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFLNK = 0120000, S_IFREG = 0100000, S_IFDIR = 0040000 };
enum { DT_UNKNOWN = 0, DT_DIR = 4, DT_SOCK = 12 };
enum { STATX_MNT_ID = 0x1000 };
enum {
  EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17, EXDEV = 18, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, EMFILE = 24,
  EFBIG = 27, ENOSPC = 28, EROFS = 30, EMLINK = 31, ENAMETOOLONG = 36, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, EOPNOTSUPP = 95, ESTALE = 116, EDQUOT = 122
};

struct dirent { u64 ino; i64 off; u16 reclen; u8 type; char name[]; };
struct timespec { i64 sec, nsec; };
/* Of struct statx only what is read. */
struct statx { u32 mask; u8 more[140]; u64 mnt_id; u8 rest[104]; };
_Static_assert(offsetof(struct statx, mnt_id) == 144 && sizeof(struct statx) == 256, "the kernel's struct statx");

#define call0(n) call6(n, 0, 0, 0, 0, 0, 0)
#define call1(n, a) call6(n, (long)(a), 0, 0, 0, 0, 0)
#define call2(n, a, b) call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define call3(n, a, b, c) call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define call4(n, a, b, c, d) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define call5(n, a, b, c, d, e) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline long open_at(int dir, const char *name, int flags, int mode) {
  long fd;
  do fd = call4(OPENAT, dir, name, flags | O_CLOEXEC, mode);
  while (fd == -EINTR);
  return fd;
}
static inline long stat_at(int dir, const char *name, struct stat *facts) { return call4(NEWFSTATAT, dir, name, facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT); }
static inline long stat_fd(int fd, struct stat *facts) { return call2(FSTAT, fd, facts); }
static inline long unlink_at(int dir, const char *name, int flags) { return call3(UNLINKAT, dir, name, flags); }
static inline long rename_at(int from, const char *name, int to, const char *next) { return call4(RENAMEAT, from, name, to, next); }
static inline long rename_at2(int from, const char *name, int to, const char *next, int flags) { return call5(RENAMEAT2, from, name, to, next, flags); }
static inline void close_fd(int fd) { call1(CLOSE, fd); }
static inline int is_dir(const struct stat *facts) { return (facts->mode & S_IFMT) == S_IFDIR; }
static inline int is_same(const struct stat *one, const struct stat *other) { return one->ino == other->ino && one->dev == other->dev; }
