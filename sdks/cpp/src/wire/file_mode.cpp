// On the wire a mode is a number whose decimal digits look octal: 644 is rw-r--r--. Programs also pass octal
// literals, and 0644 reaches us as 420. Read as digits that would be r---w----, which nobody wants, so
// numbers that make sense only as the value of an octal literal are taken for one: those with a digit 8 or 9,
// and these common literals.
#include <opensandbox/files.h>

#include <algorithm>
#include <string>

namespace opensandbox {

int mode_digits(int mode) {
  static constexpr int kLiterals[] = {0644, 0640, 0777, 0770, 0664, 0660, 0400, 0500, 0550, 0555};
  std::string text = std::to_string(mode);
  bool literal = std::find(std::begin(kLiterals), std::end(kLiterals), mode) != std::end(kLiterals) ||
                 text.find_first_of("89") != text.npos;
  if (mode < 0 || (literal && mode > 07777) || (!literal && text.size() > 4))
    throw Error(ErrorCode::invalid_argument, "not a file mode: " + text);
  if (!literal) return mode;
  return (mode >> 9 & 7) * 1000 + (mode >> 6 & 7) * 100 + (mode >> 3 & 7) * 10 + (mode & 7);
}

}  // namespace opensandbox
