#include "vitrail/image/input_route.h"

#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

void check_preprocessing(const Preprocessing& p) {
  const auto fail = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "preprocessing", .found = found, .allowed = allowed});
  };
  if (p.mean.empty() || p.mean.size() != p.std.size())
    fail(cat(p.mean.size(), " means and ", p.std.size(), " standard deviations"), "one of each per channel");
  if (p.order == ChannelOrder::grey ? p.mean.size() != 1 : p.mean.size() == 1)
    fail(cat(p.mean.size(), " means for order ", p.order == ChannelOrder::grey ? "grey" : "rgb or bgr"),
         "grey has one channel, the others have three");
  for (const double s : p.std)
    if (!(std::isfinite(s) && s != 0)) fail(cat("std ", s), "it must be finite and not 0");
  for (const double m : p.mean)
    if (!std::isfinite(m)) fail(cat("mean ", m), "it must be finite");
  if (p.multiple < 1) fail(cat("multiple ", p.multiple), "it must be 1 or more");
}

InputRoute input_route(int64_t image_channels, const Preprocessing& p) {
  check_preprocessing(p);
  const auto wanted = static_cast<int64_t>(p.mean.size());
  const bool fits = image_channels == wanted || (wanted == 3 && image_channels == 1) ||
                    (p.order == ChannelOrder::grey && image_channels == 3);
  if (!fits || (p.order == ChannelOrder::bgr && wanted != 3))
    throw Error(ErrorKind::shape, {.where = "preprocessing",
                                   .found = cat("an image of ", image_channels, " channels"),
                                   .allowed = cat("the network takes ", wanted)});
  InputRoute route{.from_luma = wanted == 1 && image_channels == 3};
  for (int64_t c = 0; c < wanted; ++c) {
    const auto i = static_cast<size_t>(c);
    const int64_t source = image_channels == 1 ? 0 : (p.order == ChannelOrder::bgr ? 2 - c : c);
    route.planes.push_back({source, {static_cast<float>(p.mean[i]), static_cast<float>(1 / p.std[i])}});
  }
  return route;
}

}  // namespace vitrail
