// Loaded before the C library (LD_PRELOAD), it counts the calls that a program makes to change files under one folder,
// and lets one of them go wrong:
//   FAULTY_UNDER   the folder
//   FAULTY_AT      which call, counted from 1; 0: none
//   FAULTY_ACTION  EIO: it fails; ENOSPC: it and all later ones that take room fail; TERM, KILL: the process gets that
//                  signal, twice, before the call is made
//   FAULTY_COUNT   a file that gets the number of calls at the end
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

const std::string& folder() {
  static const std::string value = setting("FAULTY_UNDER");
  return value;
}

bool concerns(const char* path) {
  return path && !folder().empty() && std::strncmp(path, folder().c_str(), folder().size()) == 0;
}
bool concerns(int descriptor) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  path[size > 0 ? size : 0] = 0;
  return concerns(path);
}

std::atomic<long>& calls() {
  static std::atomic<long> count{0};
  return count;
}

/// Is this call to fail? Sets errno then.
bool fails(bool takes_room) {
  static const long at = std::atol(setting("FAULTY_AT").c_str());
  static const std::string action = setting("FAULTY_ACTION");
  const long call = ++calls();
  if (at == 0 || call < at) return false;
  if (action == "ENOSPC") {
    errno = ENOSPC;
    return takes_room;
  }
  if (call > at) return false;
  for (int twice = 0; twice < 2; ++twice) {
    if (action == "TERM") ::kill(::getpid(), SIGTERM);
    if (action == "KILL") ::kill(::getpid(), SIGKILL);
  }
  errno = EIO;
  return action == "EIO";
}

struct Report {
  ~Report() {
    const std::string path = setting("FAULTY_COUNT");
    if (path.empty()) return;
    if (std::FILE* file = std::fopen(path.c_str(), "w")) {
      std::fprintf(file, "%ld\n", calls().load());
      std::fclose(file);
    }
  }
} report;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int open_next(const char* name, const char* path, int flags, mode_t mode) {
  const bool makes = (flags & O_CREAT) != 0;
  if ((makes || (flags & O_ACCMODE) != O_RDONLY) && concerns(path) && fails(makes)) return -1;
  return next<int(const char*, int, ...)>(name)(path, flags, mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
  va_end(arguments);
  return open_next("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
  va_end(arguments);
  return open_next("open64", path, flags, mode);
}
ssize_t write(int file, const void* data, size_t size) {
  if (concerns(file) && fails(true)) return -1;
  return next<ssize_t(int, const void*, size_t)>("write")(file, data, size);
}
int fsync(int file) { return concerns(file) && fails(true) ? -1 : next<int(int)>("fsync")(file); }
int close(int file) {
  const bool bad = concerns(file) && fails(false);
  const int result = next<int(int)>("close")(file);
  if (bad) errno = EIO;
  return bad ? -1 : result;
}
int ftruncate(int file, off_t size) {
  return concerns(file) && fails(false) ? -1 : next<int(int, off_t)>("ftruncate")(file, size);
}
int ftruncate64(int file, off64_t size) {
  return concerns(file) && fails(false) ? -1 : next<int(int, off64_t)>("ftruncate64")(file, size);
}
int rename(const char* from, const char* to) {
  return concerns(to) && fails(false) ? -1 : next<int(const char*, const char*)>("rename")(from, to);
}
int mkdir(const char* path, mode_t mode) {
  return concerns(path) && fails(true) ? -1 : next<int(const char*, mode_t)>("mkdir")(path, mode);
}
int unlink(const char* path) { return concerns(path) && fails(false) ? -1 : next<int(const char*)>("unlink")(path); }
int rmdir(const char* path) { return concerns(path) && fails(false) ? -1 : next<int(const char*)>("rmdir")(path); }
int unlinkat(int folder, const char* name, int flags) {
  return concerns(folder) && fails(false) ? -1 : next<int(int, const char*, int)>("unlinkat")(folder, name, flags);
}
int chmod(const char* path, mode_t mode) {
  return concerns(path) && fails(false) ? -1 : next<int(const char*, mode_t)>("chmod")(path, mode);
}
int chown(const char* path, uid_t user, gid_t group) {
  return concerns(path) && fails(false) ? -1 : next<int(const char*, uid_t, gid_t)>("chown")(path, user, group);
}
int flock(int file, int operation) {
  return concerns(file) && fails(false) ? -1 : next<int(int, int)>("flock")(file, operation);
}
/// renameat2, which the library calls by its number.
long syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long a[6];
  for (long& value : a) value = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_renameat2 && concerns(reinterpret_cast<const char*>(a[3])) && fails(false)) return -1;
  return next<long(long, ...)>("syscall")(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // extern "C"
