#include "osb/table.h"

#include <algorithm>

#include "osb/text_width.h"

namespace osb::cli {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 6;

using Row = std::vector<std::string>;

std::vector<size_t> natural_widths(const Row& headings, const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const std::string& heading : headings) widths.push_back(text_width(heading));
  for (const Row& row : rows)
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i]));
  return widths;
}

// Takes single columns away from the widest until the table fits or nothing can give.
void fit(std::vector<size_t>& widths, size_t limit) {
  size_t total = kGap * (widths.size() - 1);
  for (size_t width : widths) total += width;
  while (total > limit && widths.size() > 1) {
    auto widest = std::max_element(widths.begin() + 1, widths.end());
    if (*widest <= kNarrowest) return;
    --*widest;
    --total;
  }
}

void append_row(std::string& out, const Row& row, const std::vector<size_t>& widths) {
  for (size_t i = 0; i < widths.size(); ++i) {
    std::string cell = shorten(row[i], widths[i]);
    bool last = i + 1 == widths.size();
    out += last ? cell : pad(cell, widths[i] + kGap);
  }
  out.erase(out.find_last_not_of(' ') + 1);
}

}  // namespace

std::string render_table(const Row& headings, const std::vector<Row>& rows, TableStyle style) {
  std::vector<size_t> widths = natural_widths(headings, rows);
  if (style.width) fit(widths, style.width);
  std::string out;
  if (style.color) out += "\x1b[1m";
  append_row(out, headings, widths);
  if (style.color) out += "\x1b[0m";
  out += '\n';
  for (const Row& row : rows) {
    append_row(out, row, widths);
    out += '\n';
  }
  return out;
}

std::string render_record(const std::vector<std::pair<std::string, std::string>>& fields, TableStyle style) {
  size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, text_width(name));
  std::string out;
  for (const auto& [name, value] : fields) {
    std::string heading = pad(name, width + kGap);
    out += style.color ? "\x1b[1m" + heading + "\x1b[0m" : heading;
    out += value + "\n";
  }
  return out;
}

}  // namespace osb::cli
