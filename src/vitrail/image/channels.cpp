#include "vitrail/image/channels.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"

namespace vitrail {
namespace {

std::string name_of_part(const std::vector<std::string>& names, size_t i) {
  return i < names.size() ? names[i] : cat("part ", i + 1);
}

void check_parts(const std::vector<Image>& parts, const std::vector<std::string>& names) {
  if (parts.empty() || parts[0].height < 1 || parts[0].width < 1)
    throw Error(ErrorKind::shape,
                {.where = "stacked pictures", .found = parts.empty() ? "no picture" : "an empty picture"});
  int64_t channels = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    channels += parts[i].channels;
    if (parts[i].height != parts[0].height || parts[i].width != parts[0].width)
      throw Error(ErrorKind::shape,
                  {.where = name_of_part(names, i),
                   .found = cat("a picture of ", parts[i].width, "x", parts[i].height, "; ",
                                name_of_part(names, 0), " has ", parts[0].width, "x", parts[0].height),
                   .allowed = "files that make one picture together have the same size",
                   .next = "Resize one to the other, pixel on pixel"});
  }
  if (channels > max_input_channels)
    throw Error(ErrorKind::shape, {.where = name_of_part(names, 0),
                                   .found = cat(channels, " channels together"),
                                   .allowed = cat("at most ", max_input_channels)});
}

/// Whether a file that has `own` is meant where `wanted` are left. Colours are not made grey: more likely a
/// further file is one of colours that should be grey.
bool can_give(int64_t own, int64_t wanted) {
  return own == wanted || (wanted == 3 && (own == 1 || own == 4));
}

[[noreturn]] void refuse_files(const std::vector<std::filesystem::path>& files,
                               const std::vector<int64_t>& own, int64_t channels) {
  std::vector<std::string> counts;
  int64_t sum = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    counts.push_back(cat(files[i].filename().string(), " ", own[i]));
    sum += own[i];
  }
  throw Error(
      ErrorKind::shape,
      {.where = files[0].string(),
       .found = files.size() == 1 ? cat("a picture of ", own[0], own[0] == 1 ? " channel" : " channels")
                                  : cat("files of these channels: ", join(counts), "; ", sum, " together"),
       .allowed = cat("the network reads ", channels),
       .next = sum < channels
                   ? "Name the files of the other channels, too: --with-image FILE, in the order of training"
                   : "Leave files out, or save those of one channel as grey pictures"});
}

}  // namespace

Image read_picture(const std::vector<std::filesystem::path>& files, int64_t channels) {
  if (files.empty())
    throw Error(ErrorKind::usage, {.where = "a picture's files", .found = "none", .allowed = "one or more"});
  if (files.size() == 1 && (channels == 1 || channels == 3)) return read_image(files[0]);
  std::vector<Image> parts(1);
  std::vector<std::string> names{files[0].string()};
  std::vector<int64_t> own{image_info(files[0]).all_channels};
  int64_t left = channels;
  for (size_t i = 1; i < files.size(); ++i) {
    parts.push_back(read_all_channels(files[i]));
    names.push_back(files[i].string());
    own.push_back(parts.back().channels);
    left -= own.back();
  }
  if (!can_give(own[0], left)) refuse_files(files, own, channels);
  parts[0] = read_image_channels(files[0], left);
  return stacked(parts, names);
}

Image stacked(const std::vector<Image>& parts, const std::vector<std::string>& names) {
  check_parts(parts, names);
  int64_t channels = 0;
  for (const Image& part : parts)
    channels += part.channels;
  Image all(parts[0].height, parts[0].width, channels);
  const int64_t pixels = all.height * all.width;
  uint8_t* to = all.pixels.data();
  for (const Image& part : parts) {
    const uint8_t* from = part.pixels.data();
    for (int64_t i = 0; i < pixels; ++i, from += part.channels)
      std::copy_n(from, part.channels, to + i * channels);
    to += part.channels;
  }
  return all;
}

Image color_view(const Image& image) {
  if (image.channels == 3) return image;
  Image shown(image.height, image.width);
  const uint8_t* from = image.pixels.data();
  for (uint8_t* to = shown.pixels.data(); to != shown.pixels.data() + shown.pixels.size(); to += 3) {
    for (int64_t c = 0; c < 3; ++c)
      to[c] = from[image.channels >= 3 ? c : 0];
    from += image.channels;
  }
  return shown;
}

Image channel_of(const Image& image, int64_t channel) {
  Image one(image.height, image.width, 1);
  const uint8_t* from = image.pixels.data() + channel;
  for (uint8_t& value : one.pixels) {
    value = *from;
    from += image.channels;
  }
  return one;
}

Image grey_view(const Image& image) {
  if (image.channels == 1) return image;
  Image grey(image.height, image.width, 1);
  const uint8_t* from = image.pixels.data();
  for (uint8_t& value : grey.pixels) {
    value = image.channels >= 3
                ? static_cast<uint8_t>((299 * from[0] + 587 * from[1] + 114 * from[2] + 500) / 1000)
                : from[0];
    from += image.channels;
  }
  return grey;
}

}  // namespace vitrail
