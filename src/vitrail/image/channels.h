#pragma once
// Pictures of other than three channels: colour and depth, colour and near infrared, a satellite's bands.
//
//   Image scene = stacked({read_image("street.jpg"), read_all_channels("depth.png")});   // R, G, B, depth
//   Image bands = read_all_channels("sentinel.tif");                                     // all 13
//   Image shown = color_view(scene);                                                     // R, G, B
//
// The channels of a stack stand in the order of its parts. Whatever is about colours (jitter, blur, overlays,
// the order `bgr`) takes the first three channels for R, G, B and leaves those behind them alone; a picture
// of one or two channels has grey first. Resizing, padding, mean and deviation treat all channels alike.

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/graph/input_channels.h"
#include "vitrail/image/image.h"

namespace vitrail {

/// The channels of all parts, which have the same size, in one picture. `names` are what errors call the
/// parts. Throws Error(shape) for parts of unlike size, for none, and above max_input_channels.
Image stacked(const std::vector<Image>& parts, const std::vector<std::string>& names = {});

/// The picture that `files` make together for a network that reads `channels`. Further files give all that
/// they have (read_all_channels: a grey file one), the first one what is left: R, G, B, or all of its
/// own. A file alone for a network of one or three channels is read_image. Throws Error(shape) that says what
/// each file has where they do not make as many, and what stacked() and reading them throw.
Image read_picture(const std::vector<std::filesystem::path>& files, int64_t channels);

/// RGB for people: the first three channels, or the first one as grey.
Image color_view(const Image& image);

/// One channel: the picture's only one, or the luma of its first three, rounded.
Image grey_view(const Image& image);

/// One of the picture's channels alone.
Image channel_of(const Image& image, int64_t channel);

/// How many channels, from the first, are colours: 3, or 1 of a picture of one or two channels.
constexpr int64_t color_channels(const Image& image) {
  return image.channels >= 3 ? 3 : 1;
}

}  // namespace vitrail
