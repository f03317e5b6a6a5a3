#include "launcher/image_name.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::launcher {
namespace {

TEST(ImageName, NormalisesLikeReferences) {
  EXPECT_EQ(normalise_image_name("alpine"), "alpine:latest");
  EXPECT_EQ(normalise_image_name("alpine:3.20"), "alpine:3.20");
  EXPECT_EQ(normalise_image_name("docker.io/library/alpine"), "alpine:latest");
  EXPECT_EQ(normalise_image_name("library/alpine:3"), "alpine:3");
  EXPECT_EQ(normalise_image_name("localhost:5000/a/b"), "localhost:5000/a/b:latest");
  EXPECT_EQ(normalise_image_name("Reg.example:443/x__y/z--q:V1"), "Reg.example:443/x__y/z--q:V1");
  std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(normalise_image_name("alpine" + digest), "alpine" + digest);
  EXPECT_EQ(normalise_image_name("alpine:3" + digest), "alpine:3" + digest);
  EXPECT_EQ(normalise_image_name("host"), "host");
  EXPECT_EQ(normalise_image_name("host:latest"), "host");
  EXPECT_EQ(normalise_image_name("host:v2"), "host:v2");
}

TEST(ImageName, RefusesWhatIsNoReference) {
  for (std::string name :
       {"",      "/",  "..", "../x",  "a/../b", "a//b", "Alpine", "a:",   ":x", "a@sha256:12",    "a b",
        "a:b:c", "-a", "a-", "a___b", "a:t/..", "a/",   ".a",     "a\nb", "a@", "reg.example:x/a"})
    EXPECT_THROW(normalise_image_name(name), Error) << name;
  EXPECT_THROW(normalise_image_name(std::string(300, 'a')), Error);
  EXPECT_THROW(normalise_image_name(std::string("a\0b", 3)), Error);
}

TEST(ImageName, EncodesIntoOneComponentAndBack) {
  EXPECT_EQ(encode_image_name("alpine:3.20"), "alpine%3a3.20");
  EXPECT_EQ(encode_image_name("..").substr(0, 1), "%");
  EXPECT_EQ(encode_image_name("reg/A:V"), "reg%2f%41%3a%56");
  for (std::string name : {"alpine:3.20", "reg.example:5000/a/b__c:V1-x", ".import-x", "%", "a%41"})
    EXPECT_EQ(decode_image_name(encode_image_name(name)), name);
  for (std::string other : {"", ".lock", ".import-12", "a%4", "a%zz", "a%41%4", "a%61", "A", "a%3A"})
    EXPECT_EQ(decode_image_name(other), std::nullopt) << other;
}

}  // namespace
}  // namespace osb::launcher
