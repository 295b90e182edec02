#pragma once
// Your own data: a folder of images, a folder of masks, a table of classes.
//
//   PATH/images/*          JPEG, PNG, ...
//   PATH/masks/*.png       of the same name: palette or grey PNG holding class indices, or colour PNG
//   PATH/classes.txt       one class per line: index, name, and (for colour masks, or to paint with) R G B
//   PATH/train.txt ...     optional: a split per list, one name per line, with or without extension
//   PATH/channels.txt      optional: the folders whose files of the same name make one picture together
//
// Without lists there is one split, "all"; with them there is "all" as well. In classes.txt the indices are
// 0..n-1 (n <= 255), a name may have blanks, '#' starts a comment, and the index 255 names the colour that is
// ignored:
//
//   0 background     0   0   0
//   1 traffic sign 220 220   0
//   255 ignored    255 255 255
//
// channels.txt has one folder per line, in the order of the channels, the first in place of images/; a number
// behind it says how many channels its files give (of the first folder's: 1 reads grey, 3 colours, 4 a TIFF's
// near infrared beside colour; of a further one's it is only checked):
//
//   images          # R, G, B
//   depth 1         # grey
//
// Masks that count otherwise (0 and 255, or classes from 1) are read with a label map (DatasetOptions).

#include <optional>

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry folder_entry();

struct ClassTable {
  std::vector<ClassInfo> classes;
  std::optional<Rgb> ignore_color;
};
struct ChannelFolder {
  std::string folder;
  int64_t channels = 0;  ///< 0: not said
};
/// Reads channels.txt of a data set; "images" alone where it has none. Throws Error(format) naming file and
/// line.
std::vector<ChannelFolder> read_channel_folders(const std::filesystem::path& root);

/// Reads classes.txt. Throws Error(format) naming file and line.
ClassTable read_class_table(const std::filesystem::path& path);

}  // namespace vitrail
