/*
 * Executes CNI plugins as a runtime does, inside a node, and adds next to nothing to what they take: the child borrows
 * this small process until it executes the plugin (vfork), as those of container runtimes do.
 *
 * A line of standard input is a batch: how many run at once, the folder of its calls, how many there are. The call N of a
 * folder is N.env (the plugin's path and then its variables, a NUL after each) and N.json (its standard input); N.out is
 * what it said. When all are done a line is printed: the batch's microseconds, and of each call its exit code and its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VARIABLES_MAX = 512 };

struct call {
  /* The plugin, then what it is told by its environment, then a null. */
  char *texts[VARIABLES_MAX + 2];
  char input[4096];
  char output[4096];
  pid_t pid;
  long long began, took;
  int code;
};

extern char **environ;

static void die(const char *what) {
  fprintf(stderr, "plugin runner: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static char *content(const char *path, size_t *size) {
  struct stat stat;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &stat) < 0) die(path);
  char *bytes = malloc((size_t)stat.st_size + 1);
  if (!bytes || read(fd, bytes, (size_t)stat.st_size) != stat.st_size) die(path);
  close(fd);
  *size = (size_t)stat.st_size;
  return bytes;
}

/* Before anything is timed. */
static void prepare(struct call *call, const char *folder, int number) {
  char path[4096];
  size_t size, texts = 0;
  snprintf(path, sizeof path, "%s/%d.env", folder, number);
  snprintf(call->input, sizeof call->input, "%s/%d.json", folder, number);
  snprintf(call->output, sizeof call->output, "%s/%d.out", folder, number);
  /* To make a file is the file system's time, and may be more than the plugin's. */
  int output = open(call->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (output < 0 || close(output) < 0) die(call->output);
  char *bytes = content(path, &size);
  for (char *at = bytes; at < bytes + size && texts < VARIABLES_MAX; at += strlen(at) + 1) call->texts[texts++] = at;
  for (char **own = environ; *own && texts < VARIABLES_MAX; own++) call->texts[texts++] = *own;
  call->texts[texts] = NULL;
}

static void start(struct call *call) {
  posix_spawn_file_actions_t files;
  char *arguments[] = {call->texts[0], NULL};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, call->input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, call->output, O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  call->began = now();
  errno = posix_spawn(&call->pid, call->texts[0], &files, NULL, arguments, call->texts + 1);
  if (errno) die(call->texts[0]);
  posix_spawn_file_actions_destroy(&files);
}

static void awaitOne(struct call *calls, int count) {
  int status;
  pid_t pid = wait(&status);
  long long end = now();
  if (pid < 0) die("wait");
  for (int n = 0; n < count; n++) {
    if (calls[n].pid != pid) continue;
    calls[n].took = end - calls[n].began;
    calls[n].code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return;
  }
}

static void run(int atOnce, const char *folder, int count) {
  struct call *calls = calloc((size_t)count, sizeof *calls);
  if (!calls) die("calls");
  for (int n = 0; n < count; n++) prepare(&calls[n], folder, n);
  long long began = now();
  int running = 0;
  for (int n = 0; n < count; n++) {
    if (running == atOnce) {
      awaitOne(calls, count);
      running--;
    }
    start(&calls[n]);
    running++;
  }
  for (; running > 0; running--) awaitOne(calls, count);
  printf("%lld", now() - began);
  for (int n = 0; n < count; n++) {
    printf(" %d %lld", calls[n].code, calls[n].took);
    free(calls[n].texts[0]);
  }
  printf("\n");
  fflush(stdout);
  free(calls);
}

int main(void) {
  int atOnce, count;
  char folder[3072];
  while (scanf("%d %3071s %d", &atOnce, folder, &count) == 3) run(atOnce, folder, count);
  return 0;
}
