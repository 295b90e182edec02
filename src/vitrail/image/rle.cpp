#include "vitrail/image/rle.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image.h"
#include "vitrail/image/rle_changes.h"

namespace vitrail {
namespace {

struct Region {
  int64_t top = 0, bottom = 0, left = 0, right = 0;  // half open
};

/// The rectangle around the set pixels, so that the walk down the columns visits no others.
Region set_region(const Mask& mask) {
  Region region{mask.height, 0, mask.width, 0};
  if (mask.width == 0) return region;
  const auto is_set = [](uint8_t pixel) { return pixel != 0; };
  for (int64_t y = 0; y < mask.height; ++y) {
    const uint8_t *row = mask.pixels.data() + y * mask.width, *row_end = row + mask.width;
    if (row[0] == 0 && std::memcmp(row, row + 1, static_cast<size_t>(mask.width - 1)) == 0) continue;
    region.top = std::min(region.top, y);
    region.bottom = y + 1;
    region.left = std::min<int64_t>(region.left, std::find_if(row, row_end, is_set) - row);
    const uint8_t* last = row_end - 1;
    while (*last == 0)
      --last;
    region.right = std::max<int64_t>(region.right, last - row + 1);
  }
  return region;
}

void check_size(int64_t height, int64_t width, const std::string& source) {
  if (height < 1 || width < 1)
    throw Error(ErrorKind::format, {.where = source,
                                    .found = cat("a mask of ", width, "x", height, " pixels"),
                                    .allowed = "height and width are 1 or more"});
  if (height > max_image_pixels / width)
    throw Error(ErrorKind::limit, {.where = source,
                                   .found = cat("a mask of ", width, "x", height, " pixels"),
                                   .allowed = cat("at most ", max_image_pixels, " pixels")});
}

/// Runs one by one, checked against the size, as places where the mask changes.
class RunReader {
 public:
  RunReader(int64_t height, int64_t width, const std::string& source)
      : height_(height), width_(width), source_(source) {
    check_size(height, width, source);
  }

  void add(int64_t run) {
    if (run < 0) refuse(cat("run ", runs_, " is ", run), "runs are 0 or more");
    if (run > height_ * width_ - sum_)
      refuse(cat("runs of more than ", height_ * width_, " pixels"), whole());
    sum_ += run;
    ++runs_;
    changes_.push_back(sum_);
  }
  Rle finish() const {
    if (sum_ != height_ * width_) refuse(cat("runs of ", sum_, " pixels"), whole());
    return rle_from_changes(changes_, height_, width_);
  }
  [[noreturn]] void refuse(const std::string& found, const std::string& allowed) const {
    throw Error(ErrorKind::format, {.where = source_, .found = found, .allowed = allowed});
  }

 private:
  std::string whole() const {
    return cat("they add up to the size, ", width_, " x ", height_, " = ", height_ * width_);
  }

  int64_t height_, width_, sum_ = 0, runs_ = 0;
  std::string source_;
  std::vector<int64_t> changes_;
};

template <class Visit>
void for_set_runs(const Rle& rle, const Visit& visit) {
  int64_t position = 0;
  for (size_t i = 0; i < rle.counts.size(); ++i) {
    if (i % 2 == 1 && rle.counts[i] > 0) visit(position, position + rle.counts[i]);
    position += rle.counts[i];
  }
}

}  // namespace

Rle rle_from_changes(const std::vector<int64_t>& sorted, int64_t height, int64_t width) {
  const int64_t end = height * width;
  std::vector<int64_t> changes;
  changes.reserve(sorted.size());
  for (const int64_t position : sorted) {
    if (position >= end) break;
    if (!changes.empty() && changes.back() == position)
      changes.pop_back();
    else
      changes.push_back(position);
  }
  Rle rle{height, width, {}};
  rle.counts.reserve(changes.size() + 1);
  int64_t last = 0;
  for (const int64_t position : changes) {
    rle.counts.push_back(static_cast<uint32_t>(position - last));
    last = position;
  }
  rle.counts.push_back(static_cast<uint32_t>(end - last));
  return rle;
}

Rle encode_rle(const Mask& mask) {
  std::vector<int64_t> changes;
  const Region region = set_region(mask);
  for (int64_t x = region.left; x < region.right; ++x) {
    bool inside = false;
    for (int64_t y = region.top; y < region.bottom; ++y)
      if ((mask.at(y, x) != 0) != inside) {
        inside = !inside;
        changes.push_back(x * mask.height + y);
      }
    if (inside) changes.push_back(x * mask.height + region.bottom);
  }
  return rle_from_changes(changes, mask.height, mask.width);
}

Mask decode_rle(const Rle& rle) {
  Mask mask(rle.height, rle.width);
  for_set_runs(rle, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at)
      mask.at(at % rle.height, at / rle.height) = 1;
  });
  return mask;
}

int64_t area(const Rle& rle) {
  int64_t pixels = 0;
  for (size_t i = 1; i < rle.counts.size(); i += 2)
    pixels += rle.counts[i];
  return pixels;
}

std::array<double, 4> bounds(const Rle& rle) {
  int64_t top = rle.height, bottom = 0, left = rle.width, right = 0;
  for_set_runs(rle, [&](int64_t begin, int64_t end) {
    const int64_t first = begin / rle.height, last = (end - 1) / rle.height;
    left = std::min(left, first);
    right = std::max(right, last + 1);
    // A run that goes on in the next column touches the bottom of one and the top of the other.
    top = std::min(top, first == last ? begin % rle.height : 0);
    bottom = std::max(bottom, first == last ? (end - 1) % rle.height + 1 : rle.height);
  });
  if (right == 0) return {0, 0, 0, 0};
  return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(right - left),
          static_cast<double>(bottom - top)};
}

std::string rle_to_text(const Rle& rle) {
  std::string text;
  for (size_t i = 0; i < rle.counts.size(); ++i) {
    int64_t value = rle.counts[i];
    if (i > 2) value -= rle.counts[i - 2];
    for (bool more = true; more;) {
      int64_t bits = value & 0x1f;
      value >>= 5;
      // Bit 4 of the last group is the sign.
      more = (bits & 0x10) != 0 ? value != -1 : value != 0;
      if (more) bits |= 0x20;
      text.push_back(static_cast<char>('0' + bits));
    }
  }
  return text;
}

Rle rle_from_text(std::string_view text, int64_t height, int64_t width, const std::string& source) {
  constexpr int most_groups = 7;  // 35 bits hold every difference of two runs
  RunReader reader(height, width, source);
  std::vector<int64_t> runs;
  for (size_t at = 0; at < text.size();) {
    int64_t value = 0;
    int groups = 0;
    for (bool more = true; more; ++at, ++groups) {
      if (at == text.size()) reader.refuse("the text of the runs ends inside of a number", "");
      const int64_t bits = text[at] - '0';
      if (bits < 0 || bits > 0x3f)
        reader.refuse(
            cat("character ", at, " of the runs has the code ", int{static_cast<uint8_t>(text[at])}),
            "48 to 111, '0' to 'o'");
      if (groups == most_groups)
        reader.refuse(cat("run ", runs.size(), " has more than ", most_groups, " characters"), "");
      value |= (bits & 0x1f) << (5 * groups);
      more = (bits & 0x20) != 0;
      if (!more && (bits & 0x10) != 0) value -= int64_t{1} << (5 * (groups + 1));
    }
    if (runs.size() > 2) value += runs[runs.size() - 2];
    reader.add(value);
    runs.push_back(value);
  }
  return reader.finish();
}

Rle rle_from_counts(const std::vector<int64_t>& counts, int64_t height, int64_t width,
                    const std::string& source) {
  RunReader reader(height, width, source);
  for (const int64_t run : counts)
    reader.add(run);
  return reader.finish();
}

std::map<uint16_t, Rle> masks_of_labels(const LabelMap& labels) {
  std::map<uint16_t, std::vector<int64_t>> changes;
  const int64_t pixels = labels.height * labels.width;
  std::vector<int64_t>* current = nullptr;
  uint16_t label = 0;
  for (int64_t at = 0; at < pixels; ++at) {
    const uint16_t next = labels.at(at % labels.height, at / labels.height);
    if (current != nullptr && next == label) continue;
    if (current != nullptr) current->push_back(at);
    label = next;
    current = &changes[label];
    current->push_back(at);
  }
  std::map<uint16_t, Rle> masks;
  for (const auto& [number, places] : changes)
    masks.emplace(number, rle_from_changes(places, labels.height, labels.width));
  return masks;
}

Rle united(const std::vector<Rle>& parts) {
  assert(!parts.empty());
  if (parts.size() == 1) return parts[0];
  std::vector<std::pair<int64_t, int>> edges;  // where a part begins (+1) and ends (-1)
  for (const Rle& part : parts) {
    assert(part.height == parts[0].height && part.width == parts[0].width);
    for_set_runs(part, [&](int64_t begin, int64_t end) {
      edges.emplace_back(begin, 1);
      edges.emplace_back(end, -1);
    });
  }
  std::sort(edges.begin(), edges.end());
  std::vector<int64_t> changes;
  int covering = 0;
  for (const auto& [position, step] : edges) {
    if (covering == 0 || covering + step == 0) changes.push_back(position);
    covering += step;
  }
  return rle_from_changes(changes, parts[0].height, parts[0].width);
}

int64_t common_area(const Rle& a, const Rle& b) {
  assert(a.height == b.height && a.width == b.width);
  const int64_t end = a.height * a.width;
  size_t next_a = 0, next_b = 0;
  int64_t end_a = a.counts[0], end_b = b.counts[0], position = 0, common = 0;
  while (position < end) {
    const int64_t until = std::min(end_a, end_b);
    if (next_a % 2 == 1 && next_b % 2 == 1) common += until - position;
    position = until;
    if (end_a == until && ++next_a < a.counts.size()) end_a += a.counts[next_a];
    if (end_b == until && ++next_b < b.counts.size()) end_b += b.counts[next_b];
  }
  return common;
}

double iou(const Rle& a, const Rle& b, bool crowd) {
  const int64_t common = common_area(a, b);
  if (common == 0) return 0;
  const int64_t whole = crowd ? area(a) : area(a) + area(b) - common;
  return static_cast<double>(common) / static_cast<double>(whole);
}

}  // namespace vitrail
