// vitrail list: what exists, by name.

#include <algorithm>
#include <array>
#include <iostream>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/data/dataset.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/metrics/report.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/operators.h"
#include "vitrail/predict/protocol.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;

Json nets_json(const std::vector<NetEntry>& nets, const char* task) {
  Json list = Json::array();
  for (const NetEntry& net : nets) {
    Json counts = Json::array();
    for (const DeclaredCount& count : net.declared)
      counts.push_back({{"classes", count.classes},
                        {"learnable", count.learnable},
                        {"with_running_statistics", count.with_running_statistics}});
    list.push_back({{"name", net.name},
                    {"summary", net.summary},
                    {"source", net.source},
                    {"task", task},
                    {"pretrained", net.pretrained},
                    {"parameters", counts}});
  }
  return list;
}

Json nets_json() {
  Json list = nets_json(nets(), "semantic");
  for (Json& net : nets_json(instance_nets(), "instance"))
    list.push_back(std::move(net));
  return list;
}

/// Files of pretrained weights, and the networks that start from each.
Json encoders_json() {
  Json list = Json::array();
  for (const auto* table : {&nets(), &instance_nets()})
    for (const NetEntry& net : *table) {
      if (net.pretrained.empty()) continue;
      auto entry =
          std::find_if(list.begin(), list.end(), [&](const Json& e) { return e["name"] == net.pretrained; });
      if (entry == list.end()) {
        list.push_back({{"name", net.pretrained}, {"nets", Json::array()}});
        entry = list.end() - 1;
      }
      (*entry)["nets"].push_back(net.name);
    }
  for (Json& entry : list)
    entry["summary"] = cat("weights for ", join(entry["nets"].get<std::vector<std::string>>()));
  return list;
}

Json datasets_json() {
  Json list = Json::array();
  for (const DatasetEntry& entry : dataset_entries())
    list.push_back(
        {{"name", entry.name}, {"task", "semantic"}, {"summary", entry.summary}, {"splits", entry.splits}});
  for (const InstanceDatasetEntry& entry : instance_dataset_entries())
    list.push_back({{"name", entry.name},
                    {"task", "instance"},
                    {"summary", "objects: " + entry.summary},
                    {"splits", entry.splits}});
  return list;
}

Json conventions_json() {
  Json list = Json::array();
  for (const AbsentClasses convention : {AbsentClasses::skipped, AbsentClasses::zero, AbsentClasses::one,
                                         AbsentClasses::truth_only, AbsentClasses::undefined})
    list.push_back({{"name", name_of(convention)}, {"summary", meaning_of(convention)}});
  return list;
}

Json protocols_json() {
  Json list = Json::array();
  for (const TestProtocol& protocol : test_protocols())
    list.push_back({{"name", protocol.name}, {"summary", protocol.summary}, {"scales", protocol.scales}});
  return list;
}

Json operators_json() {
  Json list = Json::array();
  for (const OnnxOperator& op : onnx_operators())
    list.push_back({{"name", op.type}, {"summary", op.note}});
  return list;
}

struct Section {
  std::string name;
  Json (*json)();
};
const std::array<Section, 6> sections = {{{"nets", nets_json},
                                          {"encoders", encoders_json},
                                          {"datasets", datasets_json},
                                          {"protocols", protocols_json},
                                          {"conventions", conventions_json},
                                          {"operators", operators_json}}};

const Section& find_section(const std::string& name) {
  std::vector<std::string> names;
  for (const Section& section : sections) {
    if (section.name == name) return section;
    names.push_back(section.name);
  }
  throw Error(
      ErrorKind::usage,
      {.where = "list", .found = cat("there is no list of '", name, "'"), .next = did_you_mean(name, names)});
}

void print(const Json& list) {
  size_t width = 0;
  for (const Json& entry : list)
    width = std::max(width, entry["name"].get<std::string>().size());
  for (const Json& entry : list)
    std::cout << "  " << aligned_left(entry["name"].get<std::string>(), width) << "  "
              << entry["summary"].get<std::string>() << "\n";
}

}  // namespace

int list_command(CLI::App& app, const Arguments& arguments) {
  std::string what;
  bool json = false, markdown = false;
  app.add_option("WHAT", what,
                 "nets, encoders, datasets, protocols, conventions or operators; default: all of them");
  app.add_flag("--json", json, "print JSON");
  app.add_flag("--markdown", markdown, "operators: print the table of docs/operators.md");
  parse(app, arguments);

  if (markdown && what != "operators")
    throw Error(ErrorKind::usage, {.where = "--markdown", .found = "given without operators"});
  if (markdown) {
    std::cout << onnx_operators_markdown();
    return 0;
  }
  if (!what.empty()) {
    const Json list = find_section(what).json();
    if (json)
      print_json(list);
    else
      print(list);
    return 0;
  }
  Json all;
  for (const Section& section : sections)
    all[section.name] = section.json();
  if (json) {
    print_json(all);
    return 0;
  }
  for (const Section& section : sections) {
    std::cout << section.name << "\n";
    print(all[section.name]);
    std::cout << "\n";
  }
  return 0;
}

}  // namespace vitrail::cli
