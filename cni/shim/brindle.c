/*
 * The CNI executable. It hands a container runtime's request to the agent of this node over a Unix socket, prints the
 * agent's answer and exits with the code which the answer carries. All logic is the agent's: starting an interpreter
 * for each pod would cost more than the whole of the work.
 *
 * VERSION it answers by itself. Without an agent (no socket, no answer within the deadline) it does what a runtime needs
 * meanwhile: DEL is kept on disk for the agent to do later, everything else fails with a code that says "try again".
 *
 * It never parses stdin, never logs it, and takes in no more than FRAME_MAX bytes. The wire format: cni/DESIGN.md.
 */
#include "bare.h"

#define SOCKET_PATH "/run/brindle/cni.sock"
#define PENDING_DIRECTORY "/var/lib/brindle/cni-pending"
#define DEADLINE_MS 60000 /* the kubelet gives a runtime two minutes for a pod's sandbox */
#define SUPPORTED_VERSIONS "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"

enum {
    FRAME_MAX = 1 << 20,
    HEADER = 8, /* four letters of magic, four bytes of length */
    CODE_ENVIRONMENT = 4, CODE_IO = 5, CODE_DECODE = 6, CODE_TRY_LATER = 11, CODE_NOT_AVAILABLE = 50,
};

static const char *const forwarded[] = {
    "CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "CNI_NETNS_OVERRIDE",
};

struct frame {
    size_t length;
    unsigned char bytes[FRAME_MAX];
};

static struct frame request, answer;

static const char *setting(const char *variable, const char *otherwise)
{
    const char *value = secure_getenv(variable);
    return value && *value ? value : otherwise;
}

/* In decimal; what is none counts as not said. */
static int number(const char *variable, int otherwise)
{
    const char *digits = setting(variable, "");
    int value = 0;
    if (!*digits)
        return otherwise;
    for (; *digits >= '0' && *digits <= '9' && value < 100000000; digits++)
        value = value * 10 + (*digits - '0');
    return *digits ? otherwise : value;
}

/*
 * One deadline for the whole request: the signal interrupts whatever call blocks, which then fails with EINTR. It comes
 * again and again, since the first may arrive just before a call blocks.
 */
static void on_deadline(int signal_number)
{
    (void)signal_number;
}

static void set_deadline(int after_ms)
{
    struct itimerval timer = {
        .it_value = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000},
        .it_interval = {.tv_usec = after_ms ? 50000 : 0},
    };
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void put_u32(unsigned char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int write_all(int fd, const void *bytes, size_t length)
{
    for (const unsigned char *at = bytes; length > 0;) {
        ssize_t count = write(fd, at, length);
        if (count <= 0)
            return -1;
        at += count;
        length -= (size_t)count;
    }
    return 0;
}

/* Texts one behind the other, up to NULL. Answers their length; -1 where `size` is too small, and they are cut off. */
static int join(char *into, size_t size, const char *const *texts)
{
    size_t length = 0;
    for (; *texts; texts++)
        for (const char *letter = *texts; *letter; letter++) {
            if (length + 1 >= size) {
                into[length] = '\0';
                return -1;
            }
            into[length++] = *letter;
        }
    into[length] = '\0';
    return (int)length;
}

static const char *decimal(int value, char digits[12])
{
    char *at = digits + 11;
    *at = '\0';
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    return at;
}

/* `text` and `details` are our own words: nothing in them needs escaping. */
static int fail(int code, const char *text, const char *details)
{
    char line[1024], digits[12];
    int length = join(line, sizeof line, (const char *const[]){
        "{\"cniVersion\":\"1.0.0\",\"code\":", decimal(code, digits), ",\"msg\":\"", text,
        "\",\"details\":\"", details, "\"}\n", NULL});
    write_all(STDOUT_FILENO, line, length < 0 ? 0 : (size_t)length);
    return 1;
}

static int append(const void *data, size_t length)
{
    if (length > FRAME_MAX - request.length)
        return -1;
    memcpy(request.bytes + request.length, data, length);
    request.length += length;
    return 0;
}

static int append_sized(const void *data, size_t length)
{
    unsigned char size[4];
    put_u32(size, length);
    return append(size, sizeof size) || append(data, length) ? -1 : 0;
}

static int append_field(const char *name, const char *value)
{
    return append_sized(name, strlen(name)) || append_sized(value, strlen(value)) ? -1 : 0;
}

/* Adds all of stdin as a field. Zero, or the CNI code of what went wrong. */
static int append_stdin(void)
{
    if (append_field("stdin", ""))
        return CODE_DECODE;
    size_t start = request.length;
    ssize_t got = 1;
    while (got > 0 && request.length < FRAME_MAX) {
        got = read(STDIN_FILENO, request.bytes + request.length, FRAME_MAX - request.length);
        if (got < 0)
            return CODE_IO;
        request.length += (size_t)got;
    }
    put_u32(request.bytes + start - 4, request.length - start);
    return request.length < FRAME_MAX ? 0 : CODE_DECODE;
}

static int build_request(void)
{
    request.length = HEADER;
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
        const char *value = getenv(forwarded[i]);
        if (value && append_field(forwarded[i], value))
            return CODE_ENVIRONMENT;
    }
    int failed = append_stdin();
    memcpy(request.bytes, "BRQ1", 4);
    put_u32(request.bytes + 4, request.length - HEADER);
    return failed;
}

static int connect_agent(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = setting("BRINDLE_CNI_SOCKET", SOCKET_PATH);
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static int receive_exactly(int fd, size_t length)
{
    while (length > 0) {
        ssize_t got = recv(fd, answer.bytes + answer.length, length, MSG_WAITALL);
        if (got == 0)
            errno = ECONNRESET; /* The agent hung up, or died. */
        if (got <= 0)
            return -1;
        answer.length += (size_t)got;
        length -= (size_t)got;
    }
    return 0;
}

static int receive_answer(int fd)
{
    if (receive_exactly(fd, HEADER))
        return -1;
    size_t length = get_u32(answer.bytes + 4);
    if (memcmp(answer.bytes, "BRA1", 4) == 0 && length >= 4 && length <= FRAME_MAX - HEADER)
        return receive_exactly(fd, length);
    errno = EPROTO;
    return -1;
}

static int ask_agent(void)
{
    int fd = connect_agent();
    if (fd < 0)
        return -1;
    int failed = write_all(fd, request.bytes, request.length) || receive_answer(fd);
    close(fd);
    return failed ? -1 : 0;
}

static int print_answer(void)
{
    if (write_all(STDOUT_FILENO, answer.bytes + HEADER + 4, answer.length - HEADER - 4))
        return 1;
    return (int)(get_u32(answer.bytes + HEADER) & 0xff);
}

static int has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return 1;
    return 0;
}

static int is_of(const char *text, const char *letters)
{
    for (; *text; text++)
        if (!strchr(letters, *text))
            return 0;
    return 1;
}

/* The container's id and the interface's name make a file name, so they must be what CNI allows, and no path. */
static int is_attachment(const char *container, const char *interface)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(container);
    return length > 0 && length <= 200 && is_of(container, letters) && !strchr("_.-", container[0]) &&
           interface[0] != '\0' && strlen(interface) <= 15 && !strchr(interface, '/') && !strchr(interface, ':') &&
           !strchr(interface, ' ') && !has_control(interface);
}

/* Opens the directory of what the agent still has to do; makes it, and its parent, where they are missing. */
static int open_pending(void)
{
    char path[4096];
    if (join(path, sizeof path, (const char *const[]){setting("BRINDLE_CNI_PENDING", PENDING_DIRECTORY), NULL}) < 0)
        return -1;
    char *slash = strrchr(path, '/');
    if (slash && slash != path) {
        *slash = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    if (mkdir(path, 0700) && errno != EEXIST)
        return -1;
    return openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

static int write_durably(int directory, const char *temporary, const char *name)
{
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int failed = write_all(fd, request.bytes, request.length) || fsync(fd);
    failed |= close(fd);
    /* Renamed only when whole: whoever reads the directory sees a complete request or none. */
    failed = failed || renameat(directory, temporary, directory, name) || fsync(directory);
    if (failed)
        unlinkat(directory, temporary, 0);
    return failed ? -1 : 0;
}

/* One file an attachment, so that a runtime which repeats its DEL makes no second one. */
static int keep_del(void)
{
    const char *container = setting("CNI_CONTAINERID", ""), *interface = setting("CNI_IFNAME", "");
    if (!is_attachment(container, interface))
        return fail(CODE_ENVIRONMENT, "CNI_CONTAINERID or CNI_IFNAME is missing or invalid", "");
    char name[256], temporary[300], process[12];
    join(name, sizeof name, (const char *const[]){container, "@", interface, NULL});
    join(temporary, sizeof temporary, (const char *const[]){".", decimal(getpid(), process), ".", name, NULL});
    int directory = open_pending();
    if (directory < 0 || write_durably(directory, temporary, name))
        return fail(CODE_IO, "no agent answers, and the DEL cannot be kept for later: is the disk full?",
                    strerror(errno));
    return 0;
}

static int without_agent(const char *command, const char *reason)
{
    if (strcmp(command, "DEL") == 0)
        return keep_del();
    if (strcmp(command, "STATUS") == 0)
        return fail(CODE_NOT_AVAILABLE, "the Brindle agent of this node does not answer; see its log", reason);
    return fail(CODE_TRY_LATER, "the Brindle agent of this node does not answer; see its log, then try again", reason);
}

int main(void)
{
    const char *command = getenv("CNI_COMMAND");
    if (!command || !*command) {
        static const char about[] =
            "CNI brindle plugin, versions 0.3.1 to 1.1.0: relays a runtime's request to the Brindle agent\n";
        write_all(STDERR_FILENO, about, sizeof about - 1);
        return 0;
    }
    /* No agent is needed for it, and a runtime may leave stdin open, so that is not read. */
    if (strcmp(command, "VERSION") == 0)
        return write_all(STDOUT_FILENO, SUPPORTED_VERSIONS, sizeof SUPPORTED_VERSIONS - 1) != 0;
    on_signal(SIGPIPE, SIG_IGN);
    on_signal(SIGALRM, on_deadline);
    set_deadline(number("BRINDLE_CNI_DEADLINE_MS", DEADLINE_MS));
    int code = build_request();
    if (code)
        return fail(code, "cannot take in the request", code == CODE_IO ? strerror(errno) : "it is over 1 MiB");
    int failed = ask_agent();
    const char *reason = errno == EINTR ? "no answer within the deadline" : strerror(errno);
    set_deadline(0); /* What follows is on this machine's disk alone, and must not be cut short. */
    return failed ? without_agent(command, reason) : print_answer();
}
