#include "vitrail/nets/registry.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/input_channels.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

std::vector<NetEntry> joined(std::initializer_list<std::vector<NetEntry> (*)()> tables) {
  std::vector<NetEntry> all;
  for (const auto table : tables)
    for (NetEntry& entry : table())
      all.push_back(std::move(entry));
  return all;
}

constexpr const char* channels_option = "in_channels";

/// `options` with in_channels of `set` as the number, where any network of semantic segmentation has it.
NetOptions with_channels(const std::string& name, NetOptions options) {
  OptionReader read(cat("network '", name, "'"), options.set);
  const int64_t channels = read.integer(channels_option, options.in_channels);
  const bool asked = options.set.erase(channels_option) > 0 || channels != 0;
  if (asked && (channels < 1 || channels > max_input_channels))
    throw Error(ErrorKind::usage, {.where = cat("network '", name, "' option ", channels_option),
                                   .found = cat(channels),
                                   .allowed = cat("1 to ", max_input_channels)});
  options.in_channels = channels;
  return options;
}

bool is_semantic(const NetEntry& entry) {
  return std::any_of(nets().begin(), nets().end(), [&](const NetEntry& other) { return &other == &entry; });
}

}  // namespace

const std::vector<NetEntry>& nets() {
  static const std::vector<NetEntry> entries =
      joined({realtime_nets, resnet_nets, pvd_nets, mobilenet_context_nets, classic_nets, transformer_nets,
              torchvision_nets});
  return entries;
}

const std::vector<NetEntry>& instance_nets() {
  static const std::vector<NetEntry> entries = joined({ssd_nets, rcnn_nets});
  return entries;
}

const NetEntry& find_net(const std::string& name) {
  std::vector<std::string> names;
  for (const auto* table : {&nets(), &instance_nets()})
    for (const NetEntry& entry : *table) {
      if (entry.name == name) return entry;
      names.push_back(entry.name);
    }
  throw Error(ErrorKind::usage, {.where = cat("network '", name, "'"),
                                 .found = "there is no such network",
                                 .next = did_you_mean(name, names)});
}

Model build_net(const std::string& name, const NetOptions& options) {
  if (options.classes < 1 || options.classes > 65535)
    throw Error(ErrorKind::usage, {.where = cat("network '", name, "'"),
                                   .found = cat(options.classes, " classes"),
                                   .allowed = "1 to 65535"});
  const NetEntry& entry = find_net(name);
  const bool semantic = is_semantic(entry);
  const NetOptions asked = semantic ? with_channels(name, options) : options;
  Model model = entry.build(asked);
  model.info.architecture = entry.name;
  if (semantic) fit_channels(model.info.preprocessing, image_channels(model.graph));
  if (asked.in_channels > 0) model.info.notes[cat("set.", channels_option)] = cat(asked.in_channels);
  for (const auto& [key, value] : options.set)  // so that a file of its weights can build it again
    model.info.notes["set." + key] = value;
  return model;
}

int64_t image_channels(const Graph& graph) {
  return graph.shape(graph.inputs().at(0).value).at(1);
}

Model build_quick(const NetEntry& entry, int64_t classes) {
  return build_net(entry.name, {.classes = classes, .set = entry.quick});
}

}  // namespace vitrail
