#include "vitrail/image/image_list.h"

#include <algorithm>
#include <array>
#include <string>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The run of digits at the front of `text`, without its leading zeros, taken off it.
std::string_view take_number(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && is_digit(text[end]))
    ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension;
}

}  // namespace

bool has_image_extension(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 11> known{".jpg", ".jpeg", ".png", ".bmp",  ".pbm", ".pgm",
                                                   ".ppm", ".pnm",  ".tif", ".tiff", ".webp"};
  return std::find(known.begin(), known.end(), lower_extension(path)) != known.end();
}

bool has_video_extension(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 8> known{".mp4",  ".avi", ".mov", ".mkv",
                                                  ".webm", ".m4v", ".mpg", ".mpeg"};
  return std::find(known.begin(), known.end(), lower_extension(path)) != known.end();
}

bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view number_a = take_number(a), number_b = take_number(b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else {
      if (a[0] != b[0]) return static_cast<uint8_t>(a[0]) < static_cast<uint8_t>(b[0]);
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  // Names that differ by leading zeros alone still have one order.
  if (a.empty() && b.empty()) return whole_a < whole_b;
  return a.empty();
}

std::vector<std::filesystem::path> images_in(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::is_regular_file(path, failure)) return {path};
  if (std::filesystem::exists(path, failure) && !std::filesystem::is_directory(path, failure))
    throw Error(ErrorKind::file, {.where = path.string(),
                                  .found = "neither a file nor a folder, but a device or a pipe",
                                  .next = "Write the picture into a file first"});
  std::filesystem::directory_iterator entries(path, failure);
  if (failure)
    throw Error(ErrorKind::file, {.where = path.string(), .found = "cannot be opened: " + failure.message()});
  std::vector<std::filesystem::path> images;
  for (const auto& entry : entries) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && has_image_extension(entry.path()) && entry.is_regular_file(failure))
      images.push_back(entry.path());
  }
  if (images.empty())
    throw Error(ErrorKind::file, {.where = path.string(),
                                  .found = "a folder without pictures",
                                  .allowed = "files ending in .jpg, .png, .bmp, .pnm, .tif or .webp"});
  std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return images;
}

}  // namespace vitrail
