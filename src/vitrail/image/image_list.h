#pragma once
// Which pictures an argument means: a file, or all pictures of a folder.
//
//   for (const auto& path : images_in("photos")) segment(path);   // frame2.jpg before frame10.jpg

#include <filesystem>
#include <string_view>
#include <vector>

namespace vitrail {

/// Whether the name ends like a picture that read_image reads (.jpg .jpeg .png .bmp .pbm .pgm .ppm .pnm .tif
/// .tiff .webp, in any case).
bool has_image_extension(const std::filesystem::path& path);
/// The same for a video (.mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg).
bool has_video_extension(const std::filesystem::path& path);

/// "a2" before "a10": runs of digits compare as numbers, everything else as bytes. A strict order.
bool natural_less(std::string_view a, std::string_view b);

/// `path` itself if it is a file (whatever its name), or the pictures directly in the folder `path` in
/// natural order, hidden files left out. Throws Error(file) if there is no such path or no picture in it.
std::vector<std::filesystem::path> images_in(const std::filesystem::path& path);

}  // namespace vitrail
