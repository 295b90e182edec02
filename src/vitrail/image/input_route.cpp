#include "vitrail/image/input_route.h"

#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/input_channels.h"

namespace vitrail {

void check_preprocessing(const Preprocessing& p) {
  const auto fail = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "preprocessing", .found = found, .allowed = allowed});
  };
  if (p.mean.empty() || p.mean.size() != p.std.size())
    fail(cat(p.mean.size(), " means and ", p.std.size(), " standard deviations"), "one of each per channel");
  const int64_t channels = std::ssize(p.mean);
  if (p.order == ChannelOrder::grey ? channels != 1 : channels < (p.order == ChannelOrder::bgr ? 3 : 2))
    fail(cat(p.mean.size(), " means for order ", p.order == ChannelOrder::grey ? "grey" : "rgb or bgr"),
         "grey has one channel, the others have three (or more, where the network reads more)");
  if (channels > max_input_channels)
    fail(cat(channels, " means"), cat("at most ", max_input_channels, " channels"));
  for (const double s : p.std)
    if (!(std::isfinite(s) && s != 0)) fail(cat("std ", s), "it must be finite and not 0");
  for (const double m : p.mean)
    if (!std::isfinite(m)) fail(cat("mean ", m), "it must be finite");
  if (p.multiple < 1) fail(cat("multiple ", p.multiple), "it must be 1 or more");
}

void check_channels(int64_t image_channels, const Preprocessing& p, const std::string& where) {
  const int64_t wanted = std::ssize(p.mean);
  const bool fits = image_channels == wanted || (wanted == 3 && image_channels == 1) ||
                    (p.order == ChannelOrder::grey && image_channels == 3);
  if (fits) return;
  throw Error(ErrorKind::shape,
              {.where = where,
               .found = cat("a picture of ", image_channels, image_channels == 1 ? " channel" : " channels"),
               .allowed = cat("the network reads ", wanted),
               .next = image_channels < wanted
                           ? "Give it the files of all channels: segment --with-image, or a data set that "
                             "has them (channels.txt of a folder)"
                           : "Take a network that is built for them, with the option in_channels, or a "
                             "picture of fewer channels"});
}

InputRoute input_route(int64_t image_channels, const Preprocessing& p) {
  check_preprocessing(p);
  check_channels(image_channels, p, "preprocessing");
  const auto wanted = static_cast<int64_t>(p.mean.size());
  InputRoute route{.from_luma = wanted == 1 && image_channels == 3};
  for (int64_t c = 0; c < wanted; ++c) {
    const auto i = static_cast<size_t>(c);
    const bool turned = p.order == ChannelOrder::bgr && c < 3;
    const int64_t source = image_channels == 1 ? 0 : (turned ? 2 - c : c);
    route.planes.push_back({source, {static_cast<float>(p.mean[i]), static_cast<float>(1 / p.std[i])}});
  }
  return route;
}

}  // namespace vitrail
