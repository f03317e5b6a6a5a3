// Isolated sessions and templates: what the server offers works; what it does not offer is refused in its own
// words.
#include "world.h"

namespace opensandbox {

using IsolationTest = World;

TEST_F(IsolationTest, says_whether_it_is_there_and_acts_so) {
  Isolation isolation = sandbox().isolation();
  auto found = isolation.capabilities();
  IsolatedOptions options{.workspace = IsolatedWorkspace{"/tmp", "rw"}};
  auto session = attempt([&] { return isolation.create(options); });
  ASSERT_EQ(session.ok(), found.available);
  if (found.available) return;
  EXPECT_FALSE(found.message.empty());
  EXPECT_EQ(session.error().code(), ErrorCode::refused);
  EXPECT_EQ(session.error().server_code(), "NOT_SUPPORTED");
  EXPECT_FALSE(session.error().server_message().empty());
  EXPECT_EQ(code_of([&] { isolation.run_once("true", options); }), ErrorCode::refused);
}

TEST_F(IsolationTest, keeps_variables_and_sees_files) {
  Isolation isolation = sandbox().isolation();
  if (!isolation.capabilities().available) GTEST_SKIP() << "this server has no isolated sessions";
  auto session = isolation.create({.workspace = IsolatedWorkspace{"/tmp", "rw"}});
  EXPECT_EQ(session.run("x=1; echo one > /tmp/isolated; echo $x$A", {.env = {{"A", "b"}}}).text(), "1b");
  EXPECT_EQ(session.run("echo again $x; exit 3").exit_code, 3);
  EXPECT_EQ(session.files().read("/tmp/isolated"), "one\n");
  EXPECT_EQ(isolation.attach(session.id()).info().status, "active");
  EXPECT_EQ(isolation.list().size(), 1u);
  session.remove();
  EXPECT_EQ(code_of([&] { isolation.attach(session.id()); }), ErrorCode::not_found);
}

TEST(Templates, are_served_or_refused_by_name) {
  Manager manager;
  auto listed = attempt([&] { return manager.list_templates(); });
  auto made = attempt([&] { return manager.create_template({.image = "host", .publish = "s3://bucket/t"}); });
  ASSERT_EQ(listed.ok(), made.ok());
  if (made.ok()) {
    EXPECT_EQ(manager.get_template(made->id).options.image, "host");
    manager.delete_template(made->id);
    return;
  }
  EXPECT_GE(made.error().status(), 400);
  EXPECT_FALSE(made.error().server_code().empty());
  EXPECT_FALSE(made.error().server_message().empty());
  EXPECT_EQ(code_of([&] { manager.get_template("tpl_none"); }), made.error().code());
}

}  // namespace opensandbox
