#include "vitrail/nets/registry.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry_tables.h"

namespace vitrail {
namespace {

std::vector<NetEntry> joined(std::initializer_list<std::vector<NetEntry> (*)()> tables) {
  std::vector<NetEntry> all;
  for (const auto table : tables)
    for (NetEntry& entry : table())
      all.push_back(std::move(entry));
  return all;
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
  Model model = entry.build(options);
  model.info.architecture = entry.name;
  for (const auto& [key, value] : options.set)  // so that a file of its weights can build it again
    model.info.notes["set." + key] = value;
  return model;
}

Model build_quick(const NetEntry& entry, int64_t classes) {
  return build_net(entry.name, {.classes = classes, .set = entry.quick});
}

}  // namespace vitrail
