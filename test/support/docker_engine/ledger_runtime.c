/* An OCI runtime that writes down every `start` before runc does it: "<container id>\n" is appended to the file beside
 * this program called "ledger". O_APPEND makes one write one line. Everything else is runc's. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Options of runc that take a value as a word of its own. */
static int takes_value(const char* word) {
  return !strcmp(word, "--root") || !strcmp(word, "--log") || !strcmp(word, "--log-format") || !strcmp(word, "--criu") ||
         !strcmp(word, "--rootless");
}

static void write_down(const char* id) {
  char self[4096], line[256];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 16);
  if (length <= 0) return;
  self[length] = 0;
  strcpy(strrchr(self, '/') + 1, "ledger");
  const int file = open(self, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int size = snprintf(line, sizeof line, "%.200s\n", id);
  if (file >= 0 && write(file, line, (size_t)size) == size) fsync(file);
}

int main(int argc, char** argv) {
  int verb = 1;
  while (verb < argc && argv[verb][0] == '-') verb += takes_value(argv[verb]) ? 2 : 1;
  if (verb < argc && !strcmp(argv[verb], "start")) write_down(argv[argc - 1]);
  argv[0] = "runc";
  execv("/usr/sbin/runc", argv);
  execv("/usr/bin/runc", argv);
  return 127;
}
