// The threads that a process may use: quotas of control groups, in made folders.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "../src/cpu/available_threads.hpp"
#include "catch.hpp"
#include "gcmc/cpu.hpp"

namespace {

namespace fs = std::filesystem;

/// A root folder with the files of a test, removed after it.
class Root {
 public:
  Root() {
    std::string name = (fs::temp_directory_path() / "gcmc-cgroup-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() { fs::remove_all(path_); }

  void write(const fs::path& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  /// Of a process in `groups`, the text of /proc/self/cgroup.
  std::optional<int> cores(const std::string& groups) const {
    write("proc/self/cgroup", groups);
    return gcmc::cgroup_cores(path_);
  }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("the smallest cpu.max on a group's path counts", "[threads]") {
  const Root root;
  root.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  root.write("sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  root.write("sys/fs/cgroup/pod/task/cpu.max", "700000 100000\n");
  root.write("sys/fs/cgroup/free/cpu.max", "max 100000\n");
  CHECK(root.cores("0::/pod/task\n") == 3);
  CHECK(root.cores("0::/pod/task/without/files\n") == 3);
  CHECK(root.cores("0::/free\n") == std::nullopt);
  CHECK(root.cores("0::/\n") == std::nullopt);
}

TEST_CASE("a quota is rounded up to whole cores, at least one", "[threads]") {
  const Root root;
  root.write("sys/fs/cgroup/some/cpu.max", "250000 100000\n");
  root.write("sys/fs/cgroup/whole/cpu.max", "200000 100000\n");
  root.write("sys/fs/cgroup/little/cpu.max", "1000 100000\n");
  CHECK(root.cores("0::/some\n") == 3);
  CHECK(root.cores("0::/whole\n") == 2);
  CHECK(root.cores("0::/little\n") == 1);
}

TEST_CASE("a container that sees its own group as the root finds its quota there", "[threads]") {
  const Root root;
  root.write("sys/fs/cgroup/cpu.max", "150000 50000\n");
  CHECK(root.cores("0::/system.slice/docker-0123.scope\n") == 3);
  root.write("sys/fs/other/cpu.max", "50000 50000\n");
  CHECK(root.cores("0::/../other\n") == 3);
}

TEST_CASE("quotas of version 1 are those of the controller cpu", "[threads]") {
  const Root root;
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "350000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/memory/job/cpu.cfs_quota_us", "100000\n");
  root.write("sys/fs/cgroup/memory/job/cpu.cfs_period_us", "100000\n");
  CHECK(root.cores("5:memory:/job\n4:cpu,cpuacct:/job\n0::/\n") == 4);
  CHECK(root.cores("5:memory:/job\n4:cpu,cpuacct:/\n0::/\n") == std::nullopt);
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "200000\n");
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  CHECK(root.cores("5:memory:/job\n1:cpu:/job\n") == 2);
}

TEST_CASE("files that are missing or say something else are no quota", "[threads]") {
  const Root root;
  CHECK(gcmc::cgroup_cores("/a folder that is not there") == std::nullopt);
  CHECK(root.cores("") == std::nullopt);
  CHECK(root.cores("0::/gone\n") == std::nullopt);
  for (const char* text : {"", "many 100000\n", "200000\n", "200000 0\n", "-5 100000\n"}) {
    root.write("sys/fs/cgroup/odd/cpu.max", text);
    INFO(text);
    CHECK(root.cores("0::/odd\n") == std::nullopt);
  }
}

TEST_CASE("a backend of 0 threads has all that are available", "[threads]") {
  CHECK(gcmc::Cpu().threads() == gcmc::available_threads());
  CHECK(gcmc::available_threads() >= 1);
}
