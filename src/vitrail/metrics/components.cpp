#include "vitrail/metrics/components.h"

#include <algorithm>
#include <map>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::vector<int32_t> components(std::span<const uint16_t> labels, int64_t height, int64_t width,
                                uint16_t wanted) {
  if (height < 0 || width < 0 || static_cast<int64_t>(labels.size()) != height * width)
    throw Error(ErrorKind::shape, {.where = "connected components",
                                   .found = cat(labels.size(), " labels"),
                                   .allowed = cat(height, "x", width)});
  std::vector<int32_t> numbers(labels.size(), 0);
  std::vector<int64_t> open;
  int32_t count = 0;
  for (int64_t start = 0; start < height * width; ++start) {
    if (labels[static_cast<size_t>(start)] != wanted || numbers[static_cast<size_t>(start)] != 0) continue;
    numbers[static_cast<size_t>(start)] = ++count;
    open.push_back(start);
    while (!open.empty()) {
      const int64_t at = open.back(), y = at / width, x = at % width;
      open.pop_back();
      for (int64_t ny = std::max<int64_t>(y - 1, 0); ny <= std::min(y + 1, height - 1); ++ny)
        for (int64_t nx = std::max<int64_t>(x - 1, 0); nx <= std::min(x + 1, width - 1); ++nx) {
          const auto next = static_cast<size_t>(ny * width + nx);
          if (labels[next] != wanted || numbers[next] != 0) continue;
          numbers[next] = count;
          open.push_back(ny * width + nx);
        }
    }
  }
  return numbers;
}

ComponentMatch match_components(std::span<const int32_t> predicted, std::span<const int32_t> truth,
                                double threshold) {
  if (predicted.size() != truth.size())
    throw Error(ErrorKind::shape, {.where = "matching of objects",
                                   .found = cat(predicted.size(), " and ", truth.size(), " pixels"),
                                   .allowed = "maps of one size"});
  if (!(threshold >= 0.5 && threshold < 1))
    throw Error(ErrorKind::usage, {.where = "matching of objects",
                                   .found = cat("IoU threshold ", threshold),
                                   .allowed = "0.5 up to, not with, 1"});
  std::map<int32_t, int64_t> predicted_area, true_area;
  std::map<std::pair<int32_t, int32_t>, int64_t> overlap;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (predicted[i] != 0) ++predicted_area[predicted[i]];
    if (truth[i] != 0) ++true_area[truth[i]];
    if (predicted[i] != 0 && truth[i] != 0) ++overlap[{predicted[i], truth[i]}];
  }
  ComponentMatch match{.predicted = static_cast<int64_t>(predicted_area.size()),
                       .true_objects = static_cast<int64_t>(true_area.size())};
  for (const auto& [pair, both] : overlap) {
    const int64_t either = predicted_area[pair.first] + true_area[pair.second] - both;
    if (static_cast<double>(both) > threshold * static_cast<double>(either)) ++match.right;
  }
  return match;
}

void ComponentScores::add(const ComponentMatch& image) {
  ++images_;
  sum_ += share(image.right, image.predicted + image.true_objects - image.right);
  total_.right += image.right;
  total_.predicted += image.predicted;
  total_.true_objects += image.true_objects;
}

double ComponentScores::average_precision() const {
  return images_ == 0 ? 0 : sum_ / static_cast<double>(images_);
}
double ComponentScores::precision() const {
  return share(total_.right, total_.predicted);
}
double ComponentScores::recall() const {
  return share(total_.right, total_.true_objects);
}
double ComponentScores::f1() const {
  return share(2 * total_.right, total_.predicted + total_.true_objects);
}

}  // namespace vitrail
