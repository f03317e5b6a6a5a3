#include "launcher/layer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "launcher/account_files.h"
#include "launcher/guest_layer.h"
#include "launcher/host_layer.h"
#include "sys/tree.h"

namespace osb::launcher {
namespace {

class Layers : public testing::Test {
 protected:
  Layers() {
    char path[] = "/tmp/osb-layers-XXXXXX";
    if (!::mkdtemp(path)) throw system_error("creating a test directory");
    path_ = path;
    dir_ = Fd(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Layers() override {
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sys::remove_tree(tmp.get(), path_.substr(5));
  }
  void put(const std::string& path, const std::string& content, mode_t mode = 0644) {
    sys::make_directories(dir_.get(), path.substr(0, path.rfind('/')));
    sys::write_new_file(dir_.get(), path, content, mode);
  }
  void link(const std::string& path, const std::string& target) {
    if (path.find('/') != path.npos) sys::make_directories(dir_.get(), path.substr(0, path.rfind('/')));
    ASSERT_EQ(::symlinkat(target.c_str(), dir_.get(), path.c_str()), 0);
  }
  std::vector<std::string> names() { return sys::list_directory(dir_.get()); }
  std::string path_;
  Fd dir_;
};

const LayerNode* find(const LayerPlan& plan, const std::string& path) {
  auto at = std::ranges::find(plan, path, &LayerNode::path);
  return at == plan.end() ? nullptr : &*at;
}

TEST_F(Layers, GuestLayerHoldsExecdUnderAllItsNames) {
  std::string execd(100'000, 'e');
  InstalledLayer layer = install_layer(dir_.get(), "guest", plan_guest_layer(execd));
  EXPECT_TRUE(layer.name.starts_with("guest-"));
  EXPECT_EQ(sys::read_file(layer.directory.get(), "opt/opensandbox/execd", 1 << 20), execd);
  struct stat program{}, script{};
  ASSERT_EQ(::fstatat(layer.directory.get(), "opt/opensandbox/execd", &program, 0), 0);
  for (const char* path :
       {"opt/opensandbox/code-interpreter.sh", "opt/code-interpreter/code-interpreter.sh"}) {
    ASSERT_EQ(::fstatat(layer.directory.get(), path, &script, AT_SYMLINK_NOFOLLOW), 0);
    EXPECT_EQ(script.st_ino, program.st_ino);
  }
  EXPECT_EQ(program.st_mode, S_IFREG | 0755u);
  struct stat tmp{};
  ASSERT_EQ(::fstatat(layer.directory.get(), "var/tmp", &tmp, 0), 0);
  EXPECT_EQ(tmp.st_mode, S_IFDIR | 01777u);
}

TEST_F(Layers, GuestLayerHoldsTheGoWorkerBesideExecd) {
  InstalledLayer with = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("e"), "worker"));
  EXPECT_EQ(sys::read_file(with.directory.get(), kGoKernelPath, 100), "worker");
  struct stat program{};
  ASSERT_EQ(::fstatat(with.directory.get(), kGoKernelPath, &program, 0), 0);
  EXPECT_EQ(program.st_mode, S_IFREG | 0755u);
  InstalledLayer without = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("e")));
  EXPECT_NE(with.name, without.name);
  EXPECT_NE(::fstatat(without.directory.get(), "opt/opensandbox/kernels", &program, 0), 0);
}

TEST_F(Layers, SamePlanSameDirectoryOtherPlanOther) {
  InstalledLayer one = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("a")));
  struct stat before{}, after{};
  ASSERT_EQ(::fstat(one.directory.get(), &before), 0);
  InstalledLayer same = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("a")));
  ASSERT_EQ(::fstat(same.directory.get(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  InstalledLayer other = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("b")));
  EXPECT_NE(one.name, other.name);
}

TEST_F(Layers, SweepSparesWhatIsHeld) {
  InstalledLayer held = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("held")));
  std::string gone = install_layer(dir_.get(), "guest", plan_guest_layer(std::string("gone"))).name;
  sys::make_directories(dir_.get(), ".new-crashed/opt");
  sys::make_directories(dir_.get(), "foreign");
  sweep_layers(dir_.get());
  EXPECT_EQ(names(), (std::vector<std::string>{".lock", "foreign", held.name, held.name + ".lock"}));
  EXPECT_EQ(sys::read_file(held.directory.get(), kExecdPath, 10), "held");
}

TEST_F(Layers, HostLayerCopiesTheAllowListOnly) {
  put("etc/passwd", "root:x:0:0:Boss:/private/root:/bin/bash\nann:x:1000:1000:Ann:/home/ann:/bin/bash\n");
  put("etc/group", "root:x:0:ann\nstaff:x:50:ann,bob\nann:x:1000:\n");
  put("etc/shadow", "root:$6$secret");
  put("etc/hostname", "operators-box");
  put("etc/hosts", "10.0.0.1 secret.internal");
  put("etc/resolv.conf", "# c\nnameserver 127.0.0.53\nsearch internal\n");
  put("run/systemd/resolve/resolv.conf", "nameserver 10.9.9.9\nnameserver ::1\n");
  put("etc/nsswitch.conf", "hosts: files dns");
  put("etc/mysecret.conf", "secret");
  put("etc/pip.conf", "token");
  put("etc/profile", "export HTTPS_PROXY=https://ann:pw@proxy");
  put("etc/bash.bashrc", "export TOKEN=secret");
  put("etc/ssl/certs/ca.pem", "cert");
  put("etc/ssl/private/key.pem", "key", 0644);
  put("etc/ssl/hidden.key", "key", 0600);
  put("usr/share/ca/x.crt", "shared");
  link("etc/ssl/certs/x.pem", "/usr/share/ca/x.crt");
  link("etc/ssl/certs/hash.0", "ca.pem");
  put("srv/own-ca.crt", "operator's own authority");
  link("etc/ssl/certs/own.pem", "/srv/own-ca.crt");
  put("home/ann/.ssh/id", "private", 0644);  // protected by its directory only
  ASSERT_EQ(::chmod((path_ + "/home/ann").c_str(), 0700), 0);
  link("etc/ssl/certs/leak.pem", "/home/ann/.ssh/id");
  link("etc/ssl/certs/key.pem", "../private/key.pem");
  link("etc/ssl/certs/loop", "loop");
  put("etc/java-17-openjdk/security/java.security", "policy");
  put("etc/java-17-openjdk/management/jmxremote.password", "pw", 0600);
  put("etc/python3.11/sitecustomize.py", "pass");
  link("etc/alternatives/python", "/usr/bin/python3.11");
  link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
  link("etc/os-release", "../usr/lib/os-release");
  link("bin", "usr/bin");
  sys::make_directories(dir_.get(), "lib");

  LayerPlan plan = plan_host_layer(dir_.get());
  EXPECT_EQ(find(plan, "etc/passwd")->content,
            "root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n");
  EXPECT_EQ(find(plan, "etc/group")->content, "root:x:0:\nstaff:x:50:\n");
  EXPECT_EQ(find(plan, "etc/nsswitch.conf")->content, "hosts: files dns");
  EXPECT_EQ(find(plan, "etc/ssl/certs/ca.pem")->content, "cert");
  EXPECT_EQ(find(plan, "etc/ssl/certs/x.pem")->kind, LayerNode::Kind::symlink);
  EXPECT_EQ(find(plan, "etc/ssl/certs/hash.0")->content, "ca.pem");
  EXPECT_EQ(find(plan, "etc/ssl/certs/own.pem")->kind, LayerNode::Kind::file);
  EXPECT_EQ(find(plan, "etc/ssl/certs/own.pem")->content, "operator's own authority");
  EXPECT_EQ(find(plan, "etc/java-17-openjdk/security/java.security")->content, "policy");
  EXPECT_EQ(find(plan, "etc/python3.11/sitecustomize.py")->content, "pass");
  EXPECT_EQ(find(plan, "etc/alternatives/python")->content, "/usr/bin/python3.11");
  EXPECT_EQ(find(plan, "etc/localtime")->kind, LayerNode::Kind::symlink);
  EXPECT_EQ(find(plan, "etc/os-release")->content, "../usr/lib/os-release");
  EXPECT_EQ(find(plan, "bin")->content, "usr/bin");
  EXPECT_EQ(find(plan, "lib")->kind, LayerNode::Kind::directory);
  EXPECT_EQ(find(plan, "sbin"), nullptr);
  EXPECT_EQ(find(plan, "root")->mode, 0700u);
  for (const char* path :
       {"etc/shadow", "etc/mysecret.conf", "etc/pip.conf", "etc/ssl/private", "etc/ssl/private/key.pem",
        "etc/profile", "etc/bash.bashrc", "etc/resolv.conf", "etc/ssl/hidden.key", "etc/ssl/certs/leak.pem",
        "etc/java-17-openjdk/management/jmxremote.password", "home/ann"})
    EXPECT_EQ(find(plan, path), nullptr) << path;
  for (const LayerNode& node : plan) {
    if (node.path == "etc/ssl/certs/own.pem") continue;
    for (const char* secret : {"secret", "operator", "token", "private", "key", "pw", "ann"})
      EXPECT_TRUE(node.content.find(secret) == std::string::npos) << node.path << " has " << secret;
  }
  InstalledLayer layer = install_layer(dir_.get(), "host", plan);
  EXPECT_EQ(sys::read_file(layer.directory.get(), "etc/ssl/certs/ca.pem", 100), "cert");
}

TEST_F(Layers, HostLayerOfThisMachine) {
  Fd machine(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  LayerPlan plan = plan_host_layer(machine.get());
  for (const char* path : {"usr", "etc/passwd", "etc/ld.so.cache", "etc/nsswitch.conf", "tmp", "workspace"})
    EXPECT_NE(find(plan, path), nullptr) << path;
  EXPECT_EQ(find(plan, "etc/shadow"), nullptr);
  InstalledLayer layer = install_layer(dir_.get(), "host", plan);
  EXPECT_EQ(install_layer(dir_.get(), "host", plan_host_layer(machine.get())).name, layer.name);
}

TEST(AccountFiles, OddLinesAreDropped) {
  std::string passwd = sanitise_passwd(
      "root:x:0:0:r:/x:/bin/"
      "sh\n\nbroken\n:x:1:1:::\na:x:-1:1:::\nb:x:12x:1:::\nc:x:4294967296:1:::\nd:x:7:7:a:b\nok:pw:7:7:Name:/"
      "d:/bin/false");
  EXPECT_EQ(passwd,
            "root:x:0:0::/root:/bin/sh\nok:x:7:7::/d:/bin/false\nnobody:x:65534:65534::/nonexistent:/usr/"
            "sbin/nologin\n");
  EXPECT_TRUE(sanitise_passwd("").starts_with("root:x:0:0::/root:"));
}

}  // namespace
}  // namespace osb::launcher
