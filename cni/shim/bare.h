/*
 * What the executable asks of Linux, without a C library: one that is linked statically looks at the processor before
 * main (some hundred CPUID instructions, each of which leaves a virtual machine), and takes longer for that than for
 * everything else: 0.28 ms to start and reap the executable, 0.11 without. The functions are those of POSIX and C11, as
 * far as they are used, under their own names. On other processors than the two below there is the C library.
 */
#if defined(WITH_C_LIBRARY) || (!defined(__x86_64__) && !defined(__aarch64__))

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Calls that it interrupts are not begun again (signal() would have them). */
static void on_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(number, &action, NULL);
}

#else

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/un.h>
#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;

enum {
    STDIN_FILENO = 0, STDOUT_FILENO = 1, STDERR_FILENO = 2,
    AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = O_CLOEXEC, MSG_WAITALL = 0x100,
    SIGPIPE = 13, SIGALRM = 14,
    AUXV_SECURE = 23, /* The program has rights that its caller lacks: then the caller's variables count for nothing. */
};

static int errno;
static char **environment;
static int is_secure;

#ifdef __x86_64__
static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
/* Behind a handler the kernel jumps here (rt_sigreturn). A program begins with all that it is given on the stack. */
__asm__(".text\n"
        "restore_from_signal: mov $15, %eax\n syscall\n"
        ".globl _start\n"
        "_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n hlt\n");
extern void restore_from_signal(void) __asm__("restore_from_signal");
#else
static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
}
__asm__(".text\n"
        ".globl _start\n"
        "_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n and sp, x0, #-16\n bl begin\n");
#endif

/* As the C library has it: -1, and the reason in errno. */
static long checked(long result)
{
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

#define CALL(name, a, b, c, d, e, f) \
    checked(system_call(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))

static ssize_t read(int fd, void *into, size_t size) { return CALL(read, fd, into, size, 0, 0, 0); }
static ssize_t write(int fd, const void *bytes, size_t size) { return CALL(write, fd, bytes, size, 0, 0, 0); }
static int close(int fd) { return (int)CALL(close, fd, 0, 0, 0, 0, 0); }
static int fsync(int fd) { return (int)CALL(fsync, fd, 0, 0, 0, 0, 0); }
static int getpid(void) { return (int)CALL(getpid, 0, 0, 0, 0, 0, 0); }
static int openat(int at, const char *path, int flags, int mode)
{
    return (int)CALL(openat, at, path, flags, mode, 0, 0);
}
static int mkdir(const char *path, int mode) { return (int)CALL(mkdirat, AT_FDCWD, path, mode, 0, 0, 0); }
static int unlinkat(int at, const char *path, int flags) { return (int)CALL(unlinkat, at, path, flags, 0, 0, 0); }
static int renameat(int from, const char *path, int to, const char *name)
{
    return (int)CALL(renameat, from, path, to, name, 0, 0);
}
static int socket(int family, int type, int protocol) { return (int)CALL(socket, family, type, protocol, 0, 0, 0); }
static ssize_t recv(int fd, void *into, size_t size, int flags) { return CALL(recvfrom, fd, into, size, flags, 0, 0); }
struct sockaddr;
static int connect(int fd, const struct sockaddr *address, size_t size)
{
    return (int)CALL(connect, fd, address, size, 0, 0, 0);
}
static int setitimer(int which, const struct itimerval *timer, void *old)
{
    return (int)CALL(setitimer, which, timer, old, 0, 0, 0);
}

typedef void (*signal_handler)(int);
#define SIG_IGN ((signal_handler)1)

/* The kernel's own form of it (rt_sigaction); calls that it interrupts are not begun again. */
struct kernel_action {
    signal_handler handler;
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};

static void on_signal(int number, signal_handler handler)
{
#ifdef __x86_64__
    const unsigned long has_restorer = 0x04000000;
    struct kernel_action action = {.handler = handler, .flags = has_restorer, .restorer = restore_from_signal};
#else
    struct kernel_action action = {.handler = handler};
#endif
    CALL(rt_sigaction, number, &action, 0, sizeof action.mask, 0, 0);
}

/* The compiler calls these four by itself as well. */
__attribute__((used)) void *memcpy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    return to;
}

__attribute__((used)) void *memset(void *at, int octet, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)at)[i] = (unsigned char)octet;
    return at;
}

__attribute__((used)) int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *a = one, *b = other;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

__attribute__((used)) size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

/* Zero for equal texts, and else not: nobody asks which is the lesser. */
static int strcmp(const char *one, const char *other)
{
    size_t length = strlen(one);
    return length == strlen(other) ? memcmp(one, other, length) : 1;
}

static char *strchr(const char *text, int letter)
{
    for (; *text; text++)
        if (*text == (char)letter)
            return (char *)text;
    return NULL;
}

static char *strrchr(const char *text, int letter)
{
    char *last = NULL;
    for (; *text; text++)
        if (*text == (char)letter)
            last = (char *)text;
    return last;
}

static char *getenv(const char *name)
{
    size_t length = strlen(name);
    for (char **variable = environment; *variable; variable++)
        if (strlen(*variable) > length && memcmp(*variable, name, length) == 0 && (*variable)[length] == '=')
            return *variable + length + 1;
    return NULL;
}

static char *secure_getenv(const char *name) { return is_secure ? NULL : getenv(name); }

/* Those that files, directories and sockets come to; in the C library's words. */
static const char *strerror(int number)
{
    switch (number) {
    case EPERM: return "Operation not permitted";
    case ENOENT: return "No such file or directory";
    case EINTR: return "Interrupted system call";
    case EIO: return "Input/output error";
    case EAGAIN: return "Resource temporarily unavailable";
    case ENOMEM: return "Cannot allocate memory";
    case EACCES: return "Permission denied";
    case ENOTDIR: return "Not a directory";
    case EISDIR: return "Is a directory";
    case ENFILE: return "Too many open files in system";
    case EMFILE: return "Too many open files";
    case ENOSPC: return "No space left on device";
    case EROFS: return "Read-only file system";
    case EPIPE: return "Broken pipe";
    case ENAMETOOLONG: return "File name too long";
    case ELOOP: return "Too many levels of symbolic links";
    case EPROTO: return "Protocol error";
    case ENOTSOCK: return "Socket operation on non-socket";
    case EPROTOTYPE: return "Protocol wrong type for socket";
    case ECONNRESET: return "Connection reset by peer";
    case ECONNREFUSED: return "Connection refused";
    case EDQUOT: return "Disk quota exceeded";
    default: return "an error of the system without words here";
    }
}

int main(void);

/* Arguments behind their number, variables, and what the kernel says of the program, each with a zero behind it. */
__attribute__((used, noreturn)) void begin(long *stack)
{
    environment = (char **)stack + 1 + stack[0] + 1;
    char **end = environment;
    while (*end)
        end++;
    for (unsigned long *auxiliary = (unsigned long *)end + 1; auxiliary[0]; auxiliary += 2)
        if (auxiliary[0] == AUXV_SECURE)
            is_secure = auxiliary[1] != 0;
    int code = main();
    for (;;)
        system_call(__NR_exit_group, code, 0, 0, 0, 0, 0);
}

#endif
