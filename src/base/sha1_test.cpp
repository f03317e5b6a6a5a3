#include "base/sha1.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace osb {
namespace {

// FIPS 180, and each length around the end of a block
TEST(Sha1, IsThatOfTheStandard) {
  EXPECT_EQ(base64(sha1("abc")), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(base64(sha1("")), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  EXPECT_EQ(base64(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "hJg+RBw70m66rkqh+VEp5eVGcPE=");
  EXPECT_EQ(base64(sha1(std::string(1000000, 'a'))), "NKqXPNTE2qT2Husr260nMWU0AW8=");
  EXPECT_EQ(base64(sha1(std::string(55, 'x'))), "zvc0uoGgJEeeCetadbbdrmLmq/E=");
  EXPECT_EQ(base64(sha1(std::string(56, 'x'))), "kBMFNnwlmVL056+DI/SA1Z+BM1s=");
  EXPECT_EQ(base64(sha1(std::string(57, 'x'))), "Al7L1dcPj7PFRXzZa6sT/aMF3Fk=");
  EXPECT_EQ(base64(sha1(std::string(63, 'x'))), "DdxODMzZoShQ3rWrsIU6RCVVn+w=");
  EXPECT_EQ(base64(sha1(std::string(64, 'x'))), "uy+j7nr7n1TG37XQIfFLH/5AwWM=");
  EXPECT_EQ(base64(sha1(std::string(65, 'x'))), "eMdB3cSC5M34xHSgh2NHoJBbYjM=");
}

}  // namespace
}  // namespace osb
