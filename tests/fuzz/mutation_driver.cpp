// Calls the fuzz target with damaged copies of a corpus for a while, where there is no libFuzzer:
//
//   onnx_fuzz_driver SECONDS CORPUS_FOLDER [SEED]
//
// Half of the damage is done to the bytes, half to the message, so that it stays a protobuf message. The
// input that is being tried is kept in onnx_fuzz_current.onnx: after a crash that is the one.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <mutate.h>
#include <sys/resource.h>

#include "onnx/onnx_pb.h"
#include "vitrail/base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using vitrail::Random;
using Clock = std::chrono::steady_clock;

template <class List>
auto* chosen(List& list, Random& random) {
  return list.empty() ? nullptr : list.Mutable(static_cast<int>(random.integer(0, list.size() - 1)));
}

constexpr int64_t kNumbers[] = {
    0, 1, -1, 2, 3, 4, 7, 64, 1 << 16, int64_t{1} << 31, int64_t{1} << 62, INT64_MIN, INT64_MAX};

int64_t number(Random& random) {
  return kNumbers[random.integer(0, static_cast<int64_t>(std::size(kNumbers)) - 1)];
}

void change_attribute(onnx::AttributeProto& attribute, Random& random) {
  if (attribute.ints_size() > 0)
    attribute.set_ints(static_cast<int>(random.integer(0, attribute.ints_size() - 1)), number(random));
  else if (attribute.has_t() && attribute.t().dims_size() > 0)
    attribute.mutable_t()->set_dims(0, number(random));
  else if (attribute.type() == onnx::AttributeProto::FLOAT)
    attribute.set_f(static_cast<float>(number(random)) * 0.37f);
  else
    attribute.set_i(number(random));
}

void change_tensor(onnx::TensorProto& tensor, Random& random) {
  const int64_t kind = random.integer(0, 3);
  if (kind == 0 && tensor.dims_size() > 0)
    tensor.set_dims(static_cast<int>(random.integer(0, tensor.dims_size() - 1)), number(random));
  else if (kind == 1)
    tensor.set_data_type(static_cast<int>(random.integer(0, 17)));
  else if (kind == 2 && tensor.raw_data().size() >= 8)
    tensor.mutable_raw_data()->replace(0, 8, reinterpret_cast<const char*>(kNumbers + random.integer(0, 12)),
                                       8);
  else if (tensor.int64_data_size() > 0)
    tensor.set_int64_data(0, number(random));
}

void change_node(onnx::GraphProto& graph, onnx::NodeProto& node, const std::vector<std::string>& types,
                 Random& random) {
  onnx::NodeProto* other = chosen(*graph.mutable_node(), random);
  switch (random.integer(0, 6)) {
    case 0:
      node.set_op_type(types[static_cast<size_t>(random.integer(0, static_cast<int64_t>(types.size()) - 1))]);
      break;
    case 1:
      if (onnx::AttributeProto* attribute = chosen(*node.mutable_attribute(), random))
        change_attribute(*attribute, random);
      break;
    case 2:
      if (node.input_size() > 0 && other->output_size() > 0)
        node.set_input(static_cast<int>(random.integer(0, node.input_size() - 1)), other->output(0));
      break;
    case 3:
      if (node.input_size() > 0) node.mutable_input()->RemoveLast();
      break;
    case 4:
      if (graph.initializer_size() > 0)
        node.add_input(
            graph.initializer(static_cast<int>(random.integer(0, graph.initializer_size() - 1))).name());
      break;
    case 5:
      if (other->attribute_size() > 0) *node.add_attribute() = other->attribute(0);
      break;
    case 6: node.clear_attribute(); break;
  }
}

std::string changed(const std::string& bytes, const std::vector<std::string>& types, Random& random) {
  onnx::ModelProto model;
  if (random.chance(0.5) || !model.ParseFromString(bytes)) return vitrail::mutated(bytes, random);
  onnx::GraphProto& graph = *model.mutable_graph();
  for (int64_t change = random.integer(1, 4); change > 0; --change) {
    switch (random.integer(0, 5)) {
      case 0:
        if (onnx::TensorProto* tensor = chosen(*graph.mutable_initializer(), random))
          change_tensor(*tensor, random);
        break;
      case 1:
        if (graph.input_size() > 0) {
          auto& shape = *graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
          if (auto* dimension = chosen(*shape.mutable_dim(), random))
            dimension->set_dim_value(number(random));
        }
        break;
      case 2: model.mutable_opset_import(0)->set_version(random.integer(6, 22)); break;
      default:
        if (onnx::NodeProto* node = chosen(*graph.mutable_node(), random))
          change_node(graph, *node, types, random);
    }
    if (model.opset_import_size() == 0) break;
  }
  return model.SerializeAsString();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "onnx_fuzz_driver SECONDS CORPUS_FOLDER [SEED]\n";
    return 2;
  }
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  Random random(argc > 3 ? static_cast<uint64_t>(std::atoll(argv[3])) : 1);
  std::vector<std::string> corpus, types;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
    corpus.push_back(vitrail::read_file(entry.path()));
  for (const std::string& bytes : corpus) {
    onnx::ModelProto model;
    if (model.ParseFromString(bytes))
      for (const onnx::NodeProto& node : model.graph().node())
        types.push_back(node.op_type());
  }
  if (corpus.empty() || types.empty()) {
    std::cerr << "no ONNX files in " << argv[2] << "\n";
    return 2;
  }
  int64_t tried = 0;
  for (; Clock::now() < end; ++tried) {
    const std::string input =
        changed(corpus[static_cast<size_t>(random.integer(0, static_cast<int64_t>(corpus.size()) - 1))],
                types, random);
    std::ofstream("onnx_fuzz_current.onnx", std::ios::binary) << input;
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
  std::remove("onnx_fuzz_current.onnx");
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  std::cout << tried << " inputs from a corpus of " << corpus.size() << ", no crash; at most "
            << used.ru_maxrss / 1024 << " MiB\n";
  return 0;
}
