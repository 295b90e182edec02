#include "vitrail/detect/branches.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/separable.h"

namespace vitrail {
namespace {

struct CellRange {
  int64_t begin = 0, count = 1;
};

CellRange touched(float from, float to, int64_t stride, int64_t cells) {
  const double unit = static_cast<double>(stride), last = static_cast<double>(cells - 1);
  const double begin = std::clamp(std::floor(static_cast<double>(from) / unit), 0.0, last);
  const double end = std::clamp(std::ceil(static_cast<double>(to) / unit), begin + 1, last + 1);
  return {static_cast<int64_t>(begin), static_cast<int64_t>(end - begin)};
}

// Whether the region is `branch.height` x `branch.width` whole cells of the map of stride 32.
bool fits(const Box& region, const BranchSystem& branch) {
  const auto whole = [](float at) { return std::fmod(at, static_cast<float>(branch_stride)) == 0; };
  return whole(region.x1) && whole(region.y1) &&
         region.width() == static_cast<float>(branch.width * branch_stride) &&
         region.height() == static_cast<float>(branch.height * branch_stride);
}

// The region's first cell on the map of `stride`.
int64_t first_cell(float at, int64_t stride) {
  return static_cast<int64_t>(at) / stride;
}

double covered(double from, double to, double begin, double end) {
  return end > begin ? std::max(std::min(to, end) - std::max(from, begin), 0.0) / (end - begin) : 0;
}

// Shares of the `parts` equal parts of [begin, end) that [from, to) covers.
std::vector<double> covered_parts(float from, float to, float begin, float end, int64_t parts) {
  const double start = static_cast<double>(begin),
               step = (static_cast<double>(end) - start) / static_cast<double>(parts);
  std::vector<double> shares;
  for (int64_t i = 0; i < parts; ++i)
    shares.push_back(covered(static_cast<double>(from), static_cast<double>(to),
                             start + step * static_cast<double>(i),
                             start + step * static_cast<double>(i + 1)));
  return shares;
}

}  // namespace

Cells encompassing_cells(const Box& box, int64_t stride, Extent map) {
  require_finite({&box, 1}, "encompassing cells");
  if (stride < 1 || map.height < 1 || map.width < 1)
    throw Error(ErrorKind::shape,
                {.where = "encompassing cells",
                 .found = cat("a map of ", map.height, "x", map.width, " of stride ", stride),
                 .allowed = "at least one cell"});
  const CellRange rows = touched(box.y1, box.y2, stride, map.height);
  const CellRange columns = touched(box.x1, box.x2, stride, map.width);
  return {rows.begin, columns.begin, rows.count, columns.count};
}

Cells encompassing_cells(const Box& box, Extent image) {
  return encompassing_cells(box, branch_stride,
                            {ceil_div(image.height, branch_stride), ceil_div(image.width, branch_stride)});
}

Box outline(const Cells& cells, int64_t stride) {
  const auto pixels = [&](int64_t cell) { return static_cast<float>(cell * stride); };
  return {pixels(cells.x), pixels(cells.y), pixels(cells.x + cells.width), pixels(cells.y + cells.height)};
}

Box region_of(const Box& box, const SsdSystem& system, Extent image) {
  return system.encompassing ? outline(encompassing_cells(box, image)) : box;
}

int64_t branch_of(const Box& box, const SsdSystem& system, Extent image) {
  const auto& branches = system.branches;
  if (branches.empty()) return -1;
  if (system.choice == SsdSystem::Choice::single) return 0;
  const Cells cells = encompassing_cells(box, image);
  const bool exact = system.choice == SsdSystem::Choice::exact;
  const auto found = std::find_if(branches.begin(), branches.end(), [&](const BranchSystem& branch) {
    return exact ? branch.height == cells.height && branch.width == cells.width
                 : branch.height <= cells.height && branch.width <= cells.width;
  });
  if (found != branches.end()) return found - branches.begin();
  return exact && branches.back().resizes ? std::ssize(branches) - 1 : -1;
}

std::vector<std::vector<int64_t>> assign_branches(std::span<const Box> boxes, const SsdSystem& system,
                                                  Extent image, bool limited) {
  std::vector<std::vector<int64_t>> of_branch(system.branches.size());
  for (size_t i = 0; i < boxes.size(); ++i) {
    const int64_t branch = branch_of(boxes[i], system, image);
    if (branch < 0) continue;
    auto& taken = of_branch[static_cast<size_t>(branch)];
    if (!limited || std::ssize(taken) < system.branches[static_cast<size_t>(branch)].most_boxes)
      taken.push_back(static_cast<int64_t>(i));
  }
  return of_branch;
}

Extent detect_detail::branch_crop(const BranchSystem& branch, int64_t stride) {
  if (stride < 1 || branch_stride % stride != 0)
    throw Error(ErrorKind::usage, {.where = "branch crops",
                                   .found = cat("a map of stride ", stride),
                                   .allowed = cat("a divisor of ", branch_stride)});
  return {branch.height * (branch_stride / stride), branch.width * (branch_stride / stride)};
}

std::vector<detect_detail::Source> detect_detail::branch_sources(const Tensor& map, int64_t stride,
                                                                 std::span<const Box> regions,
                                                                 std::span<const int64_t> images,
                                                                 const BranchSystem& branch, Extent image) {
  require_map(map);
  require_input(image);
  require_finite(regions, "branch crops");
  const Extent crop = branch_crop(branch, stride);
  std::vector<Source> sources;
  for (size_t r = 0; r < regions.size(); ++r) {
    const Box& region = regions[r];
    const int64_t of = image_of(images, r, map);
    if (fits(region, branch)) {
      sources.push_back({&map, of, copied_taps(first_cell(region.y1, stride), crop.height, map.size(2)),
                         copied_taps(first_cell(region.x1, stride), crop.width, map.size(3)), false});
      continue;
    }
    if (!branch.resizes)
      throw Error(
          ErrorKind::shape,
          {.where = cat("branch ", branch.name),
           .found = cat("a region from ", region.x1, ",", region.y1, " to ", region.x2, ",", region.y2),
           .allowed = cat(branch.height, "x", branch.width, " whole cells of ", branch_stride, " pixels")});
    sources.push_back(resized_source(map, of, region, crop, image, true));
  }
  return sources;
}

Tensor branch_crops(const Tensor& map, int64_t stride, std::span<const Box> regions,
                    std::span<const int64_t> images, const BranchSystem& branch, Extent image) {
  const std::vector<detect_detail::Source> sources =
      detect_detail::branch_sources(map, stride, regions, images, branch, image);
  return detect_detail::crop_all(sources, map.size(1), detect_detail::branch_crop(branch, stride));
}

Tensor box_coverage(std::span<const Box> boxes, std::span<const Box> regions, Extent grid) {
  require_finite(boxes, "box coverage");
  require_finite(regions, "box coverage");
  if (boxes.size() != regions.size())
    throw Error(ErrorKind::shape, {.where = "box coverage",
                                   .found = cat(boxes.size(), " boxes and ", regions.size(), " regions"),
                                   .allowed = "as many of both"});
  Tensor shares = Tensor::empty(DataType::f32, {std::ssize(boxes), 1, grid.height, grid.width});
  float* to = shares.data<float>().data();
  for (size_t r = 0; r < boxes.size(); ++r) {
    const Box &box = boxes[r], &region = regions[r];
    const auto columns = covered_parts(box.x1, box.x2, region.x1, region.x2, grid.width);
    for (const double row : covered_parts(box.y1, box.y2, region.y1, region.y2, grid.height))
      to = std::transform(columns.begin(), columns.end(), to,
                          [&](double column) { return static_cast<float>(row * column); });
  }
  return shares;
}

}  // namespace vitrail
