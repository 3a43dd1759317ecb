// The smallest workload that keeps the contract: one line of log, one result, exit 0.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
  static const char kResult[] = "{\"ok\":true}\n";
  static const char kLine[] = "done\n";
  const int file = open("/output/result.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || write(file, kResult, sizeof kResult - 1) != sizeof kResult - 1 || close(file) != 0) return 1;
  return write(1, kLine, sizeof kLine - 1) == sizeof kLine - 1 ? 0 : 1;
}
