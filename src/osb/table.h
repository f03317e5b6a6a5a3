// Tables of text: columns two spaces apart, no frames, headings in capitals.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace osb::cli {

struct TableStyle {
  size_t width = 0;  // columns of the terminal; 0: as wide as it takes
  bool color = false;
};

// `rows` have as many cells as `headings`, made of visible() text. Where a table is too wide, its widest
// columns are shortened, but never the first one, which is what people copy.
std::string render_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows, TableStyle style);
// Two columns, a heading at the left of each value; long values are not shortened but go on below.
std::string render_record(const std::vector<std::pair<std::string, std::string>>& fields, TableStyle style);

}  // namespace osb::cli
