#include "vitrail/detect/paste.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

// Where the pixels [begin, begin + low.size()) of one direction lie between the values: after value `low`,
// with the share `part` of the next.
struct Axis {
  int64_t begin = 0;
  std::vector<int64_t> low;
  std::vector<float> part;
  int64_t end() const { return begin + std::ssize(low); }

  void add(double position, int64_t values) {
    position = std::clamp(position, 0.0, static_cast<double>(values - 1));
    const int64_t before = std::min(static_cast<int64_t>(position), std::max<int64_t>(values - 2, 0));
    low.push_back(before);
    part.push_back(static_cast<float>(position - static_cast<double>(before)));
  }
};

// The first pixel whose centre is not before `at`.
int64_t first_pixel(double at, int64_t size) {
  return static_cast<int64_t>(std::clamp(std::ceil(at - 0.5), 0.0, static_cast<double>(size)));
}

// `values` of the grid, of which one on either side is a frame if `framed`.
Axis exact_axis(float from, float to, float inside_from, float inside_to, int64_t values, bool framed,
                int64_t size) {
  const double start = static_cast<double>(from), extent = static_cast<double>(to) - start;
  Axis axis;
  if (!(extent > 0)) return axis;
  double begin = static_cast<double>(inside_from), end = static_cast<double>(inside_to);
  if (framed) {  // what fades ends with its region, and what does not goes on
    begin = std::max(begin, start);
    end = std::min(end, static_cast<double>(to));
  }
  axis.begin = first_pixel(begin, size);
  const int64_t after = first_pixel(end, size);
  const double scale = static_cast<double>(values - (framed ? 2 : 0)) / extent, shift = framed ? 0.5 : -0.5;
  for (int64_t i = axis.begin; i < after; ++i)
    axis.add((static_cast<double>(i) + 0.5 - start) * scale + shift, values);
  return axis;
}

// torchvision's: the framed mask's box is larger by the frame, its corners are cut to whole pixels, and both
// belong to it. In float, since the cut depends on the last bit.
Axis whole_axis(float from, float to, int64_t values, int64_t size) {
  const float half = (to - from) * 0.5f * (static_cast<float>(values) / static_cast<float>(values - 2));
  const float centre = (to + from) * 0.5f;
  const auto cut = [](float at) { return static_cast<int64_t>(std::clamp(at, -1e9f, 1e9f)); };
  Axis axis;
  if (!std::isfinite(half) || !std::isfinite(centre)) return axis;
  const int64_t first = cut(centre - half), last = cut(centre + half);
  const int64_t extent = std::max<int64_t>(last - first + 1, 1);
  axis.begin = std::clamp<int64_t>(first, 0, size);
  const int64_t end = std::min(last + 1, size);
  const double scale = static_cast<double>(values) / static_cast<double>(extent);
  for (int64_t i = axis.begin; i < end; ++i)
    axis.add((static_cast<double>(i - first) + 0.5) * scale - 0.5, values);
  return axis;
}

// The values with a frame of zeros around them, or without.
struct Grid {
  int64_t height = 0, width = 0;
  std::vector<float> values;

  Grid(std::span<const float> from, Extent size, bool framed)
      : height(size.height + (framed ? 2 : 0)), width(size.width + (framed ? 2 : 0)) {
    values.assign(static_cast<size_t>(height * width), 0);
    const int64_t edge = framed ? 1 : 0;
    for (int64_t y = 0; y < size.height; ++y)
      std::copy_n(from.begin() + y * size.width, size.width, values.begin() + (y + edge) * width + edge);
  }
};

struct Paste {
  Grid grid;
  Axis rows, columns;
  float least = 0;  // values from here on are set
};

Paste prepared(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
               Extent picture, const PasteOptions& options) {
  const Box both[] = {region, inside};
  require_finite(both, "mask paste");
  if (grid.height < 1 || grid.width < 1 ||
      std::ssize(values) != checked_mul(grid.height, grid.width, "mask") || picture.height < 0 ||
      picture.width < 0)
    throw Error(ErrorKind::shape, {.where = "mask paste",
                                   .found = cat(values.size(), " values for ", grid.height, "x", grid.width,
                                                " in a picture of ", picture.height, "x", picture.width),
                                   .allowed = "as many values as the mask has"});
  const bool framed = options.fades || options.torchvision;
  Paste paste{.grid = Grid(values, grid, framed), .least = static_cast<float>(options.threshold)};
  const Grid& g = paste.grid;
  if (options.torchvision) {
    paste.rows = whole_axis(region.y1, region.y2, g.height, picture.height);
    paste.columns = whole_axis(region.x1, region.x2, g.width, picture.width);
    paste.least = std::nextafter(paste.least, INFINITY);
  } else {
    paste.rows = exact_axis(region.y1, region.y2, inside.y1, inside.y2, g.height, framed, picture.height);
    paste.columns = exact_axis(region.x1, region.x2, inside.x1, inside.x2, g.width, framed, picture.width);
  }
  return paste;
}

// One column of the picture: the grid's values at this x, from which the pixels are interpolated.
class Column {
 public:
  explicit Column(const Paste& paste) : paste_(paste), values_(static_cast<size_t>(paste.grid.height)) {
    const std::vector<int64_t>& low = paste.rows.low;
    for (size_t i = 0; i < low.size(); ++i)
      if (i == 0 || low[i] != low[i - 1]) starts_.push_back(static_cast<int64_t>(i));
    starts_.push_back(std::ssize(low));
  }

  // emit(begin, end) for every run of set pixels, in order; neighbouring runs may touch.
  template <class Emit>
  void runs(size_t x, const Emit& emit) {
    const int64_t width = paste_.grid.width, low = paste_.columns.low[x], high = std::min(low + 1, width - 1);
    const float part = paste_.columns.part[x];
    for (int64_t y = 0; y < paste_.grid.height; ++y) {
      const float* row = paste_.grid.values.data() + y * width;
      values_[static_cast<size_t>(y)] = row[low] + (row[high] - row[low]) * part;
    }
    for (size_t s = 0; s + 1 < starts_.size(); ++s)
      segment(starts_[s], starts_[s + 1], emit);
  }

 private:
  bool set(int64_t i) const {
    const int64_t low = paste_.rows.low[static_cast<size_t>(i)],
                  high = std::min(low + 1, paste_.grid.height - 1);
    const float above = values_[static_cast<size_t>(low)], below = values_[static_cast<size_t>(high)];
    return above + (below - above) * paste_.rows.part[static_cast<size_t>(i)] >= paste_.least;
  }

  // Between two values the interpolation only rises or only falls, so that its ends say what lies between, or
  // there is one change to be found.
  template <class Emit>
  void segment(int64_t begin, int64_t end, const Emit& emit) const {
    const bool first = set(begin), last = set(end - 1);
    if (first && last) emit(paste_.rows.begin + begin, paste_.rows.begin + end);
    if (first == last) return;
    int64_t before = begin, after = end - 1;
    while (after - before > 1) {
      const int64_t middle = before + (after - before) / 2;
      (set(middle) == first ? before : after) = middle;
    }
    if (first)
      emit(paste_.rows.begin + begin, paste_.rows.begin + after);
    else
      emit(paste_.rows.begin + after, paste_.rows.begin + end);
  }

  const Paste& paste_;
  std::vector<float> values_;
  std::vector<int64_t> starts_;  // of the pixels between the same two values
};

// emit(x, begin, end) for every vertical run of set pixels.
template <class Emit>
void for_runs(const Paste& paste, const Emit& emit) {
  if (paste.rows.low.empty()) return;
  Column column(paste);
  for (int64_t x = paste.columns.begin; x < paste.columns.end(); ++x)
    column.runs(static_cast<size_t>(x - paste.columns.begin),
                [&](int64_t begin, int64_t end) { emit(x, begin, end); });
}

void fill(const Paste& paste, int64_t y0, int64_t x0, Mask& mask) {
  for_runs(paste, [&](int64_t x, int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      mask.at(y - y0, x - x0) = 1;
  });
}

}  // namespace

PastedMask paste_window(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
                        Extent picture, const PasteOptions& options) {
  const Paste paste = prepared(values, grid, region, inside, picture, options);
  if (paste.rows.low.empty() || paste.columns.low.empty()) return {};
  PastedMask window{paste.rows.begin, paste.columns.begin,
                    Mask(std::ssize(paste.rows.low), std::ssize(paste.columns.low))};
  fill(paste, window.y, window.x, window.mask);
  return window;
}

Mask paste_mask(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
                Extent picture, const PasteOptions& options) {
  const Paste paste = prepared(values, grid, region, inside, picture, options);
  Mask mask(picture.height, picture.width);
  fill(paste, 0, 0, mask);
  return mask;
}

Rle paste_rle(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
              Extent picture, const PasteOptions& options) {
  const Paste paste = prepared(values, grid, region, inside, picture, options);
  Rle rle{.height = picture.height, .width = picture.width, .counts = {}};
  int64_t done = 0;
  for_runs(paste, [&](int64_t x, int64_t begin, int64_t end) {
    const int64_t from = x * picture.height + begin, count = end - begin;
    if (from == done && !rle.counts.empty()) {
      rle.counts.back() += static_cast<uint32_t>(count);
    } else {
      rle.counts.push_back(static_cast<uint32_t>(from - done));
      rle.counts.push_back(static_cast<uint32_t>(count));
    }
    done = from + count;
  });
  if (const int64_t rest = picture.height * picture.width - done; rest > 0 || rle.counts.empty())
    rle.counts.push_back(static_cast<uint32_t>(rest));
  return rle;
}

}  // namespace vitrail
