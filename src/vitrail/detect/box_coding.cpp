#include "vitrail/detect/box_coding.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr double least_side = 1e-8;

// A box as its centre and size.
struct Centred {
  double y = 0, x = 0, height = 0, width = 0;
};

Centred centred(const Box& box) {
  const double x1 = static_cast<double>(box.x1), y1 = static_cast<double>(box.y1);
  const double width = static_cast<double>(box.x2) - x1, height = static_cast<double>(box.y2) - y1;
  return {y1 + height / 2, x1 + width / 2, height, width};
}

}  // namespace

std::array<float, 4> encode(const Box& box, const Box& anchor, const BoxCoding& coding) {
  const Centred b = centred(box), a = centred(anchor);
  const double height = a.height + least_side, width = a.width + least_side;
  const auto code = [](double value, double scale) { return static_cast<float>(value * scale); };
  // A box that is turned inside out is one of no size.
  const double log_height = std::log((std::max(b.height, 0.0) + least_side) / height);
  const double log_width = std::log((std::max(b.width, 0.0) + least_side) / width);
  const auto& s = coding.scales;
  if (coding.y_first)
    return {code((b.y - a.y) / height, s[0]), code((b.x - a.x) / width, s[1]), code(log_height, s[2]),
            code(log_width, s[3])};
  return {code((b.x - a.x) / width, s[0]), code((b.y - a.y) / height, s[1]), code(log_width, s[2]),
          code(log_height, s[3])};
}

Box decode(std::span<const float, 4> code, const Box& anchor, const BoxCoding& coding) {
  const Centred a = centred(anchor);
  const auto value = [&](size_t i) { return static_cast<double>(code[i]) / coding.scales[i]; };
  const size_t first_y = coding.y_first ? 0 : 1, first_x = 1 - first_y;
  const double y = a.y + value(first_y) * a.height, x = a.x + value(first_x) * a.width;
  const double half_height = std::exp(std::min(value(2 + first_y), coding.largest_log)) * a.height / 2;
  const double half_width = std::exp(std::min(value(2 + first_x), coding.largest_log)) * a.width / 2;
  return {static_cast<float>(x - half_width), static_cast<float>(y - half_height),
          static_cast<float>(x + half_width), static_cast<float>(y + half_height)};
}

std::vector<Box> decode_all(std::span<const float> codes, std::span<const Box> anchors,
                            const BoxCoding& coding) {
  const size_t each = anchors.empty() ? 0 : codes.size() / (4 * anchors.size());
  if (codes.size() != each * 4 * anchors.size())
    throw Error(ErrorKind::shape, {.where = "box codes",
                                   .found = cat(codes.size(), " numbers for ", anchors.size(), " anchors"),
                                   .allowed = "four, or a multiple, for each"});
  std::vector<Box> boxes;
  boxes.reserve(each * anchors.size());
  for (size_t i = 0; i < each * anchors.size(); ++i) {
    const auto code = codes.subspan(4 * i).first<4>();
    if (!std::all_of(code.begin(), code.end(), [](float value) { return std::isfinite(value); }))
      throw Error(ErrorKind::numeric, {.where = cat("box code ", i),
                                       .found = cat(code[0], ", ", code[1], ", ", code[2], ", ", code[3]),
                                       .allowed = "finite numbers",
                                       .next = "The network's weights or its input hold such a number"});
    boxes.push_back(decode(code, anchors[i / each], coding));
  }
  return boxes;
}

}  // namespace vitrail
