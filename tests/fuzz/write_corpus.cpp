// Writes the corpus of the fuzz target: write_fuzz_corpus FOLDER.

#include <filesystem>
#include <iostream>
#include <set>

#include <tensor_operator_models.h>

#include "vitrail/base/file.h"
#include "vitrail/onnx/onnx.h"

// A model for each operator that no model before it has.
int main(int argc, char** argv) {
  using namespace vitrail;
  if (argc != 2) {
    std::cerr << "write_fuzz_corpus FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  std::filesystem::create_directories(folder);
  std::set<std::string> known;
  int64_t bytes = 0;
  for (const OperatorModel& small : all_operator_models()) {
    bool is_new = false;
    for (const Node& node : small.model.graph.nodes())
      is_new = known.insert(std::string(type_name(node.op))).second || is_new;
    if (!is_new) continue;
    std::string name = small.name;
    for (char& c : name)
      if (c == ' ' || c == ',') c = '_';
    const std::string file = onnx_bytes(small.model);
    bytes += static_cast<int64_t>(file.size());
    write_file_atomically(folder / (name + ".onnx"), file);
  }
  std::cout << known.size() << " operators, " << bytes << " bytes\n";
  return 0;
}
