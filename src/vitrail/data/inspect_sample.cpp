#include "vitrail/data/inspect_sample.h"

#include <algorithm>
#include <functional>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

/// Where the first label is that is neither declared nor ignored, and how many there are.
std::string describe_undeclared(const LabelFile& file, const FileLayout& layout, const Error& first) {
  std::vector<int64_t> histogram(1 << 16);
  for (const uint16_t label : file.labels.labels)
    ++histogram[label];
  const auto classes = static_cast<int64_t>(layout.classes.size());
  std::vector<std::string> undeclared;
  for (int64_t label = 0; label < static_cast<int64_t>(histogram.size()); ++label) {
    const bool known = layout.label_map.empty() ? label < classes || label == LabelMap::ignore_label
                                                : layout.label_map.contains(label);
    if (!known && histogram[static_cast<size_t>(label)] > 0)
      undeclared.push_back(cat(label, " (", histogram[static_cast<size_t>(label)], " pixels)"));
  }
  const size_t all = undeclared.size();
  if (all > FindingGroup::shown) undeclared.resize(FindingGroup::shown);
  return cat(detail_of(first), " Undeclared labels in this file: ", join(undeclared),
             all > undeclared.size() ? cat(" and ", all - undeclared.size(), " more") : "");
}

void inspect_indices(const LabelFile& file, const std::string& path, const FileLayout& layout,
                     SampleFacts& facts) {
  const auto is_255 = [](uint16_t label) { return label == 255; };
  facts.has_255 = std::any_of(file.labels.labels.begin(), file.labels.labels.end(), is_255);
  facts.only_0_and_255 = std::all_of(file.labels.labels.begin(), file.labels.labels.end(),
                                     [&](uint16_t label) { return label == 0 || is_255(label); });
  try {
    LabelMap labels = file.labels;
    map_labels(labels, layout.label_map, static_cast<int64_t>(layout.classes.size()), path);
    facts.labels = std::move(labels);
  } catch (const Error& e) {
    facts.findings.push_back({&finding::undeclared_label, {path, describe_undeclared(file, layout, e)}});
  }
}

void inspect_colors(const std::string& path, const FilePair& pair, const FileLayout& layout,
                    SampleFacts& facts) {
  if (!layout.color_masks) {
    facts.findings.push_back({&finding::color_mask, {path, facts.label_format}});
    return;
  }
  try {
    facts.labels = read_class_labels(pair, layout);
  } catch (const Error& e) {
    facts.findings.push_back({&finding::undeclared_color, {path, detail_of(e)}});
  }
}

void inspect_labels(const FilePair& pair, const FileLayout& layout, SampleFacts& facts) {
  const std::string path = pair.labels.string();
  try {
    const LabelFile file = read_pair_labels(pair, layout);
    facts.label_format = cat(file.palette        ? "palette"
                             : file.channels < 3 ? "grey"
                                                 : "colour",
                             ", ", file.bit_depth, " bits");
    if (file.channels < 3)
      inspect_indices(file, path, layout, facts);
    else
      inspect_colors(path, pair, layout, facts);
  } catch (const Error& e) {
    facts.findings.push_back({&finding::unreadable_labels, {path, detail_of(e)}});
  }
}

using Found = std::function<void(const FindingKind& kind, std::string detail)>;

std::string format_of(const ImageInfo& info) {
  return cat(info.format, info.palette ? " palette, " : ", ", info.channels,
             info.channels == 1 ? " channel, " : " channels, ", info.bit_depth, " bits");
}

/// What is lost when the file is read for `channels` of its own.
void judge_format(const ImageInfo& info, int64_t channels, const Found& found) {
  const std::string format = format_of(info);
  const bool cmyk = info.format == "jpeg" && info.channels == 4;
  const bool four = info.format == "tiff" && info.all_channels == 4;
  if (four && channels != 4) found(finding::fourth_channel, format);
  if (!four && (info.channels == 2 || (info.channels == 4 && !cmyk))) found(finding::alpha, format);
  if (info.bit_depth > 8) found(finding::deep, format);
}

void inspect_first(const FilePair& pair, SampleFacts& facts, const Found& found) {
  const std::string bytes = read_file(pair.image);
  // Pages of one volume are different pictures.
  facts.image_hash = std::max<uint64_t>(1, content_hash(bytes) + static_cast<uint64_t>(pair.page + 1));
  FilePair alone = pair;
  alone.further.clear();
  const Image image = read_pair_image(alone);
  const ImageInfo info = image_info_from_bytes(bytes, pair.image.string());
  facts.has_size = true;
  facts.size = {image.height, image.width};
  facts.channels = image.channels;
  facts.sums = channel_sums(image);
  facts.image_format = format_of(info);
  judge_format(info, pair.channels, found);
  if (info.channels == 1 && !info.palette && image.channels == 3) found(finding::grey, facts.image_format);
}

void inspect_further(const ChannelFile& file, SampleFacts& facts, const Found& found) {
  const Image image = read_channel_file(file);
  const ImageInfo info = image_info(file.path);
  facts.channels += image.channels;
  const std::vector<ChannelSum> sums = channel_sums(image);
  facts.sums.insert(facts.sums.end(), sums.begin(), sums.end());
  facts.image_format += " + " + format_of(info);
  judge_format(info, image.channels, found);
  if (facts.has_size && facts.size != std::pair(image.height, image.width))
    found(finding::channel_size, cat("it has ", image.width, "x", image.height, ", the first file ",
                                     facts.size.second, "x", facts.size.first));
}

}  // namespace

void inspect_picture(const FilePair& pair, SampleFacts& facts) {
  const auto guarded = [&](const std::string& file, const auto& inspect) {
    const Found found = [&](const FindingKind& kind, std::string detail) {
      facts.findings.push_back({&kind, {file, std::move(detail)}});
    };
    try {
      inspect(found);
    } catch (const Error& e) {
      found(finding::unreadable_image, detail_of(e));
    }
  };
  guarded(pair.image.string(), [&](const Found& found) { inspect_first(pair, facts, found); });
  for (const ChannelFile& file : pair.further)
    guarded(file.path.string(), [&](const Found& found) { inspect_further(file, facts, found); });
}

uint64_t content_hash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

SampleFacts inspect_sample(const FilePair& pair, const FileLayout& layout) {
  SampleFacts facts;
  inspect_picture(pair, facts);
  inspect_labels(pair, layout, facts);
  if (!facts.labels) return facts;
  const LabelMap& labels = *facts.labels;
  if (facts.has_size && (labels.height != facts.size.first || labels.width != facts.size.second))
    facts.findings.push_back(
        {&finding::size_mismatch,
         {pair.labels.string(), cat("labels of ", labels.width, "x", labels.height, ", image of ",
                                    facts.size.second, "x", facts.size.first)}});
  if (std::all_of(labels.labels.begin(), labels.labels.end(),
                  [](uint16_t l) { return l == LabelMap::ignore_label; }))
    facts.findings.push_back({&finding::nothing_labelled, {pair.labels.string(), ""}});
  return facts;
}

}  // namespace vitrail
