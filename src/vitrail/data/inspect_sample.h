#pragma once
// What one pair of files shows on its own: the part of the checker that runs on all threads.

#include <optional>
#include <string>
#include <vector>

#include "vitrail/data/channel_sums.h"
#include "vitrail/data/check.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/data/findings.h"

namespace vitrail {

namespace finding {
inline constexpr FindingKind unreadable_image{Severity::error, "unreadable-image", "Replace the file"};
inline constexpr FindingKind unreadable_labels{Severity::error, "unreadable-labels",
                                               "Labels must be PNG files: replace the file"};
inline constexpr FindingKind size_mismatch{
    Severity::error, "size-mismatch",
    "Labels must have their image's size; resize them by nearest neighbour"};
inline constexpr FindingKind channel_size{Severity::error, "channel-size-mismatch",
                                          "All files of one picture must have its size, pixel on pixel"};
inline constexpr FindingKind fourth_channel{
    Severity::warning, "fourth-channel",
    "It is dropped when the file is read as RGB; 'images 4' in channels.txt keeps it"};
inline constexpr FindingKind color_mask{
    Severity::error, "colour-mask",
    "Convert it to class indices, or use the folder data set with a class table"};
inline constexpr FindingKind undeclared_label{
    Severity::error, "label-out-of-range",
    "Map it with label_map (to a class, or to 255 = ignored), or declare it"};
inline constexpr FindingKind undeclared_color{Severity::error, "undeclared-colour",
                                              "Give the colour a line in classes.txt (index 255 = ignored)"};
inline constexpr FindingKind nothing_labelled{Severity::warning, "nothing-labelled",
                                              "Every pixel is ignored: training learns nothing from it"};
inline constexpr FindingKind alpha{Severity::warning, "alpha-channel",
                                   "Transparency is dropped when it is read"};
inline constexpr FindingKind deep{Severity::warning, "16-bit-image", "Only the upper 8 bits are used"};
inline constexpr FindingKind grey{Severity::note, "grey-image", "It is read as three equal channels"};
}  // namespace finding

struct SampleFacts {
  std::vector<std::pair<const FindingKind*, Finding>> findings;
  bool has_size = false;
  std::pair<int64_t, int64_t> size{};  ///< of the image: {height, width}
  std::vector<ChannelSum> sums;        ///< of each of them
  int64_t channels = 0;                ///< of the image, with those of further files
  std::string image_format, label_format;
  std::optional<LabelMap> labels;  ///< as classes; nothing where they could not be had
  uint64_t image_hash = 0;         ///< of the file's bytes; 0 where it cannot be read
  bool only_0_and_255 = false;     ///< the file holds no other labels
  bool has_255 = false;
};

/// What the picture of a pair shows without its labels: size, format, hash and findings.
void inspect_picture(const FilePair& pair, SampleFacts& facts);

SampleFacts inspect_sample(const FilePair& pair, const FileLayout& layout);

/// FNV-1a, 64 bits.
uint64_t content_hash(std::string_view bytes);

}  // namespace vitrail
