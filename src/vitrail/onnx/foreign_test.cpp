// Files that other tools write: what they mean in the graph's words, and how the rest is refused.

#include <array>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <mutate.h>
#include <operator_models.h>
#include <unistd.h>

#include "onnx/onnx_pb.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/onnx/operators.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

// A model of operator set `opset` with the input "x" [N,4,H,W], the output "y" and these nodes and
// initialisers.
std::string file_of(const std::string& nodes, const std::string& initializers = "", int opset = 17) {
  const std::string tensor =
      "type { tensor_type { elem_type: 1 shape { dim { dim_param: 'N' } dim { "
      "dim_value: 4 } "
      "dim { dim_param: 'H' } dim { dim_param: 'W' } } } } ";
  const std::string text =
      cat("ir_version: 8 opset_import { version: ", opset, " } graph { name: 'g' ", nodes, initializers,
          " input { name: 'x' ", tensor, "} output { name: 'y' ", tensor, "} }");
  onnx::ModelProto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return proto.SerializeAsString();
}

std::string node(const std::string& type, const std::vector<std::string>& inputs, const std::string& output,
                 const std::string& attributes = "") {
  std::string text = cat("node { op_type: '", type, "' output: '", output, "' ");
  for (const std::string& input : inputs)
    text += cat("input: '", input, "' ");
  return text + attributes + "} ";
}

std::string ints(const std::string& name, const std::vector<int64_t>& values, bool scalar = false) {
  return cat("initializer { name: '", name, "' data_type: 7 ", scalar ? "" : cat("dims: ", values.size()),
             " int64_data: [", join(values), "] } ");
}

std::string int_attribute(const std::string& name, int64_t value) {
  return cat("attribute { name: '", name, "' type: INT i: ", value, " } ");
}

std::string error_of(const std::string& bytes, ErrorKind kind) {
  try {
    onnx_from_bytes(bytes, "foreign.onnx");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("foreign.onnx"));
    return error.what();
  }
  ADD_FAILURE() << "it was read";
  return "";
}

// What PyTorch's exporter makes of interpolate(relu(x)[half], size=x.shape[-2:]).
TEST(OnnxForeign, SizesGatheredOneByOneAreAReference) {
  const std::string nodes =
      node("MaxPool", {"x"}, "small",
           "attribute { name: 'kernel_shape' type: INTS ints: [2,2] } "
           "attribute { name: 'strides' type: INTS ints: [2,2] } ") +
      node("Shape", {"x"}, "s1") + node("Gather", {"s1", "two"}, "h", int_attribute("axis", 0)) +
      node("Shape", {"x"}, "s2") + node("Gather", {"s2", "three"}, "w", int_attribute("axis", 0)) +
      node("Unsqueeze", {"h", "zero"}, "h1") + node("Unsqueeze", {"w", "zero"}, "w1") +
      node("Concat", {"h1", "w1"}, "hw", int_attribute("axis", 0)) + node("Shape", {"small"}, "s3") +
      node("Slice", {"s3", "zero", "two1"}, "nc") + node("Cast", {"hw"}, "hw64", int_attribute("to", 7)) +
      node("Concat", {"nc", "hw64"}, "sizes", int_attribute("axis", 0)) +
      node("Resize", {"small", "", "", "sizes"}, "y", "attribute { name: 'mode' type: STRING s: 'linear' } ");
  const std::string constants =
      ints("two", {2}, true) + ints("three", {3}, true) + ints("zero", {0}) + ints("two1", {2});
  const Graph graph = onnx_from_bytes(file_of(nodes, constants), "test").graph;
  ASSERT_EQ(graph.nodes().size(), 2u);
  const Node& resize = graph.nodes()[1];
  EXPECT_EQ(resize.inputs, (std::vector<Value>{graph.nodes()[0].outputs[0], graph.inputs()[0].value}));
  EXPECT_EQ(std::get<op::Resize>(resize.op).coordinates, op::CoordinateMode::half_pixel);
}

TEST(OnnxForeign, OldClipUpsampleAndInitialisersAmongTheInputs) {
  const std::string nodes =
      node("Clip", {"x"}, "c",
           "attribute { name: 'min' type: FLOAT f: 0 } attribute { name: 'max' "
           "type: FLOAT f: 6 } ") +
      node("Mul", {"c", "k"}, "m") +
      node("Upsample", {"m", "factors"}, "y", "attribute { name: 'mode' type: STRING s: 'linear' } ");
  const std::string constants =
      "initializer { name: 'k' data_type: 1 float_data: 2 } "
      "initializer { name: 'factors' data_type: 1 dims: 4 float_data: "
      "[1,1,2,2] } "
      "input { name: 'k' type { tensor_type { elem_type: 1 shape { } } } } ";
  const Graph graph = onnx_from_bytes(file_of(nodes, constants, 9), "test").graph;
  EXPECT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(std::get<op::Clip>(graph.nodes()[0].op).max, 6);
  const auto& resize = std::get<op::Resize>(graph.nodes()[2].op);
  EXPECT_EQ(resize.coordinates, op::CoordinateMode::asymmetric);
  EXPECT_EQ((*resize.scales)[1], 2);
  EXPECT_EQ(graph.parameters()[0].role, Role::constant);
}

TEST(OnnxForeign, SlicesOfMapsAreCuts) {
  const std::string nodes = node("Slice", {"x", "from", "to", "axes"}, "y");
  const std::string constants =
      ints("from", {1, 2}) + ints("to", {-3, 9223372036854775807}) + ints("axes", {2, -1});
  const Graph graph = onnx_from_bytes(file_of(nodes, constants), "test").graph;
  EXPECT_EQ(std::get<op::Pad>(graph.nodes()[0].op).pads, (Pads{-1, -2, -3, 0}));
}

TEST(OnnxForeign, EveryUnsupportedNodeIsListedAtOnce) {
  const std::string nodes =
      node("GRU", {"x"}, "a") + node("Relu", {"a"}, "b") + node("Multinomial", {"b"}, "c") +
      node("Softmax", {"x"}, "d", int_attribute("axis", 1) + int_attribute("magic", 3)) +
      node("Det", {"x"}, "e") + node("Sum", {"c", "d", "e"}, "y") + node("LSTM", {"x"}, "nobody reads this");
  const std::string error = error_of(file_of(nodes), ErrorKind::unsupported);
  EXPECT_THAT(error, HasSubstr("4 of 6 nodes of operator set 17"));
  EXPECT_THAT(error, HasSubstr("'a' (GRU)"));
  EXPECT_THAT(error, HasSubstr("'e' (Det)"));
  EXPECT_THAT(error, HasSubstr("'d' (Softmax): the attribute 'magic'"));
}

TEST(OnnxForeign, MeaningsThatChangedWithTheOperatorSet) {
  const auto types = [](const std::string& bytes) {
    std::vector<std::string> names;
    const Model model = onnx_from_bytes(bytes, "test");
    for (const Node& made : model.graph.nodes())
      names.emplace_back(type_name(made.op));
    return join(names);
  };
  const std::string softmax = node("Softmax", {"x"}, "y", int_attribute("axis", 1));
  EXPECT_EQ(types(file_of(softmax, "", 11)), "Flatten, Softmax, Shape, Reshape") << "over all later axes";
  EXPECT_EQ(types(file_of(softmax, "", 13)), "Softmax");
  EXPECT_THAT(error_of(file_of(node("Relu", {"x"}, "y"), "", 22), ErrorKind::unsupported),
              HasSubstr("operator set 22; 6..21 are read"));
  EXPECT_THAT(error_of(file_of(node("BatchNormalization", {"x", "a", "a", "a", "a"}, "y",
                                    int_attribute("training_mode", 1)),
                               "initializer { name: 'a' data_type: 1 dims: 4 "
                               "float_data: [1,1,1,1] } "),
                       ErrorKind::unsupported),
              HasSubstr("training_mode 1"));
}

std::string branch(const std::string& name, const std::string& nodes, const std::string& output) {
  return cat("attribute { name: '", name, "' type: GRAPH g { name: '", name, "' ", nodes, "output { name: '",
             output, "' } } } ");
}

// PyTorch writes such an If for squeeze(1) of a dimension that may be 1.
TEST(OnnxForeign, AnIfOfAKnownConditionIsItsBranch) {
  const std::string choice = node("If", {"is"}, "y",
                                  branch("then_branch", node("Sigmoid", {"x"}, "t"), "t") +
                                      branch("else_branch", node("Tanh", {"x"}, "e"), "e"));
  const std::string channels = node("Shape", {"x"}, "s") + node("Gather", {"s", "one"}, "c");
  const std::string numbers = ints("one", {1}, true) + ints("four", {4}, true);
  const auto only_type = [&](const std::string& compared) {
    const std::string nodes = channels + node("Equal", {"c", compared}, "is") + choice;
    const Model model = onnx_from_bytes(file_of(nodes, numbers), "test");
    EXPECT_EQ(model.graph.nodes().size(), 1u);
    return std::string(type_name(model.graph.nodes()[0].op));
  };
  EXPECT_EQ(only_type("four"), "Sigmoid");
  EXPECT_EQ(only_type("one"), "Tanh");
}

TEST(OnnxForeign, OfAnIfByAComputedConditionBothBranchesAreRead) {
  const std::string condition = node("ReduceMax", {"x"}, "m", int_attribute("keepdims", 0)) +
                                node("Cast", {"m"}, "is", int_attribute("to", 9));
  const auto choice = [](const std::string& other) {
    return node("If", {"is"}, "y",
                branch("then_branch", node("Sigmoid", {"x"}, "t"), "t") + branch("else_branch", other, "e"));
  };
  const Model model = onnx_from_bytes(file_of(condition + choice(node("Tanh", {"x"}, "e"))), "test");
  EXPECT_EQ(type_name(model.graph.producer_of(model.graph.outputs()[0].value)->op), "Where");
  EXPECT_THAT(error_of(file_of(condition + choice(node("Shape", {"x"}, "e"))), ErrorKind::unsupported),
              HasSubstr("computed when the network runs"));
}

// The rest of what loops are is tested against ONNX Runtime.
TEST(OnnxForeign, ALoopOfUnknownLengthIsALoop) {
  const auto body = [](const std::string& nodes) {
    return "attribute { name: 'body' type: GRAPH g { name: 'g' " + nodes +
           "input { name: 'i' } input { name: 'c' } input { name: 'st' } output { name: 'c' } "
           "output { name: 'so' } } } ";
  };
  const std::string relu = body(node("Relu", {"st"}, "so"));
  const auto read = [&](const std::string& nodes, int64_t number) {
    return onnx_from_bytes(file_of(nodes, ints("number", {number}, true)), "test");
  };
  const std::string many = node("Loop", {"number", "", "x"}, "y", relu);
  EXPECT_EQ(read(many, 3).graph.nodes().size(), 3u);
  const Model model = read(many, 257);
  const Node* maker = model.graph.producer_of(model.graph.outputs()[0].value);
  ASSERT_TRUE(std::holds_alternative<op::Loop>(maker->op));
  EXPECT_EQ(std::get<op::Loop>(maker->op).body->nodes().size(), 1u);
  EXPECT_EQ(model.graph.shape(maker->outputs[0]), model.graph.shape(model.graph.inputs()[0].value));
  const std::string trips = node("Shape", {"x"}, "s") + node("Gather", {"s", "number"}, "rows");
  EXPECT_TRUE(std::holds_alternative<op::Loop>(
      read(trips + node("Loop", {"rows", "", "x"}, "y", relu), 2).graph.nodes().back().op));
  const std::string flat = body(node("Flatten", {"st"}, "so"));
  EXPECT_THAT(error_of(file_of(node("Loop", {"number", "", "x"}, "y", flat), ints("number", {257}, true)),
                       ErrorKind::unsupported),
              HasSubstr("another number of dimensions"));
  const std::string odd = body(node("GRU", {"st"}, "so"));
  EXPECT_THAT(error_of(file_of(node("Loop", {"number", "", "x"}, "y", odd), ints("number", {257}, true)),
                       ErrorKind::unsupported),
              HasSubstr("(GRU)"));
}

// y = f(x) with f(a; slope) = LeakyRelu(a) + a, called twice, its slope once left to its default.
TEST(OnnxForeign, FunctionsOfTheFileAreInlined) {
  onnx::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(
      file_of(node("twice", {"x"}, "z", "domain: 'own' attribute { name: 'slope' type: FLOAT f: 0.25 } ") +
              node("twice", {"z"}, "y", "domain: 'own' "))));
  const auto parse = [](const std::string& text) {
    onnx::FunctionProto function;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &function)) << text;
    return function;
  };
  *proto.add_functions() = parse(
      cat("name: 'twice' domain: 'own' input: 'a' output: 'c' attribute: 'slope' "
          "opset_import { version: 17 } ",
          node("LeakyRelu", {"a"}, "b", "attribute { name: 'alpha' type: FLOAT ref_attr_name: 'slope' } "),
          node("Add", {"a", "b"}, "c")));
  const Graph graph = onnx_from_bytes(proto.SerializeAsString(), "test").graph;
  ASSERT_EQ(graph.nodes().size(), 4u);
  EXPECT_EQ(std::get<op::Unary>(graph.nodes()[0].op).alpha, 0.25);
  EXPECT_NEAR(std::get<op::Unary>(graph.nodes()[2].op).alpha, 0.01, 1e-9);
  EXPECT_EQ(graph.nodes()[3].inputs,
            (std::vector<Value>{graph.nodes()[1].outputs[0], graph.nodes()[2].outputs[0]}));

  proto.clear_functions();
  *proto.add_functions() =
      parse(cat("name: 'twice' domain: 'own' input: 'a' output: 'c' "
                "opset_import { version: 17 } ",
                node("twice", {"a"}, "b", "domain: 'own' "), node("twice", {"b"}, "c", "domain: 'own' ")));
  EXPECT_THAT(error_of(proto.SerializeAsString(), ErrorKind::limit), HasSubstr("call each other"));
}

TEST(OnnxForeign, ConstantsAreComputedAtOnce) {
  const std::string nodes =
      node("Gemm", {"flat", "w", "b"}, "y",
           int_attribute("transB", 1) + "attribute { name: 'alpha' type: FLOAT f: 2 } ");
  const std::string weights =
      "initializer { name: 'w' data_type: 1 dims: [2,4] float_data: "
      "[1,2,3,4,5,6,7,8] } "
      "initializer { name: 'b' data_type: 10 dims: 2 int32_data: [15360, "
      "16384] } ";  // 1 and 2 in 16 bits
  const Model model = onnx_from_bytes(
      file_of(node("GlobalAveragePool", {"x"}, "m") + node("Flatten", {"m"}, "flat") + nodes, weights),
      "test");
  ASSERT_EQ(model.graph.parameters().size(), 2u);
  const Parameter& weight = model.graph.parameters()[0];
  EXPECT_EQ(weight.shape, (Shape{4, 2}));
  EXPECT_EQ(weight.role, Role::learnable);
  EXPECT_EQ(model.weights.at(weight.name).data<float>()[1], 10);
  EXPECT_EQ(model.weights.at(model.graph.parameters()[1].name).data<float>()[1], 2);
}

TEST(OnnxForeign, ConstantsThatExplodeAreRefused) {
  const std::string nodes = node("ConstantOfShape", {"sizes"}, "w") + node("Mul", {"x", "w"}, "y");
  EXPECT_THAT(error_of(file_of(nodes, ints("sizes", {1, 4, 1000000, 1000000})), ErrorKind::limit),
              HasSubstr("'w'"));
}

// interpolate(x, scale_factor=2) by arithmetic over its sizes.
TEST(OnnxForeign, SizesThatAreComputedStayComputed) {
  const std::string nodes =
      node("Shape", {"x"}, "s") + node("Slice", {"s", "two", "four"}, "hw") +
      node("Mul", {"hw", "two"}, "hw2") + node("Slice", {"s", "zero", "two"}, "nc") +
      node("Concat", {"nc", "hw2"}, "sizes", int_attribute("axis", 0)) +
      node("Resize", {"x", "", "", "sizes"}, "y", "attribute { name: 'mode' type: STRING s: 'linear' } ");
  const std::string numbers = ints("zero", {0}) + ints("two", {2}) + ints("four", {4});
  const Graph graph = onnx_from_bytes(file_of(nodes, numbers), "test").graph;
  EXPECT_EQ(infer_shapes(graph, {2, 4, 5, 9})[graph.outputs()[0].value], (Shape{2, 4, 10, 18}));
  const Graph fixed = onnx_from_bytes(onnx_bytes(onnx_from_bytes(file_of(nodes, numbers), "test"),
                                                 {.batch = 1, .height = 6, .width = 8}),
                                      "test")
                          .graph;
  EXPECT_EQ(fixed.shape(fixed.outputs()[0].value), (Shape{1, 4, 12, 16}));
}

TEST(OnnxOperators, TheDocumentationHasTheirTable) {
  const std::string page = read_file(std::filesystem::path(VITRAIL_SOURCE_DIR) / "docs" / "operators.md");
  EXPECT_THAT(page, HasSubstr(onnx_operators_markdown()))
      << "write it again with `vitrail list operators --markdown`";
}

class ExternalData : public testing::Test {
 protected:
  ExternalData() : folder_(std::filesystem::path(testing::TempDir()) / cat("vitrail_external_", getpid())) {
    std::filesystem::create_directories(folder_ / "model");
    std::ofstream(folder_ / "model" / "weights.bin", std::ios::binary) << std::string("pad!") + float_bytes();
    std::ofstream(folder_ / "outside.bin", std::ios::binary) << float_bytes();
  }
  ~ExternalData() override { std::filesystem::remove_all(folder_); }

  static std::string float_bytes() {
    const std::array<float, 4> values{1, 2, 3, 4};
    return {reinterpret_cast<const char*>(values.data()), sizeof values};
  }
  Model read(const std::string& location, int64_t offset) const {
    const std::string place = cat("external_data { key: 'location' value: '", location,
                                  "' } external_data { key: 'offset' value: '", offset, "' } ");
    const std::string weight =
        cat("initializer { name: 'w' data_type: 1 dims: "
            "[4,1,1] data_location: EXTERNAL ",
            place, "} ");
    std::ofstream(folder_ / "model" / "m.onnx", std::ios::binary)
        << file_of(node("Mul", {"x", "w"}, "y"), weight);
    return read_onnx(folder_ / "model" / "m.onnx");
  }
  std::string error(const std::string& location, int64_t offset, ErrorKind kind) const {
    try {
      read(location, offset);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "it was read";
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(ExternalData, IsReadFromTheModelsFolderAlone) {
  EXPECT_EQ(read("weights.bin", 4).weights.at("w").data<float>()[2], 3);
  EXPECT_THAT(error("weights.bin", 8, ErrorKind::format), HasSubstr("the file has 20"));
  EXPECT_THAT(error("none.bin", 0, ErrorKind::file), HasSubstr("'none.bin', which is missing"));
  EXPECT_THAT(error("../outside.bin", 0, ErrorKind::format), HasSubstr("model's folder"));
  EXPECT_THAT(error((folder_ / "outside.bin").string(), 0, ErrorKind::format), HasSubstr("model's folder"));
  std::filesystem::create_symlink(folder_ / "outside.bin", folder_ / "model" / "link.bin");
  EXPECT_THAT(error("link.bin", 0, ErrorKind::format), HasSubstr("model's folder"));
}

TEST(OnnxForeign, DropoutIsReadUnlessItDropsWhenRun) {
  const auto dropout = [](int mode, double ratio = 0.25) {
    return file_of(node("Dropout", {"x", "ratio", "mode"}, "y"),
                   cat("initializer { name: 'ratio' data_type: 1 float_data: ", ratio,
                       " } initializer { name: 'mode' data_type: 9 int32_data: ", mode, " } "));
  };
  const Graph graph = onnx_from_bytes(dropout(0), "test").graph;
  EXPECT_EQ(std::get<op::Dropout>(graph.nodes()[0].op).ratio, 0.25);
  EXPECT_THAT(error_of(dropout(1), ErrorKind::unsupported), HasSubstr("training_mode"));
  EXPECT_NO_THROW(onnx_from_bytes(dropout(1, 0), "test")) << "nothing is dropped";
}

TEST(OnnxForeign, NamesAreText) {
  EXPECT_NO_THROW(onnx_from_bytes(
      file_of(node("Relu", {"x"}, "\u00e9t\u00e9") + node("Relu", {"\u00e9t\u00e9"}, "y")), "test"));
  for (const char* name : {"\\377", "\\300\\200", "\\355\\240\\200", "a\\001"})
    error_of(file_of(node("Relu", {"x"}, name) + node("Relu", {name}, "y")), ErrorKind::format);
}

TEST(OnnxForeign, DamagedStructureIsRefused) {
  const auto format = ErrorKind::format;
  EXPECT_THAT(error_of(file_of(node("Relu", {"z"}, "y") + node("Relu", {"x"}, "z")), format),
              HasSubstr("reads 'z', which nothing before it makes"));
  EXPECT_THAT(error_of(file_of(node("Relu", {"x"}, "y") + node("Relu", {"x"}, "y")), format),
              HasSubstr("'y' is made twice"));
  const auto with_weight = [](const std::string& tensor) {
    return file_of(node("Mul", {"x", "w"}, "y"), cat("initializer { name: 'w' data_type: 1 ", tensor, " } "));
  };
  EXPECT_THAT(error_of(with_weight("dims: 4 raw_data: '123'"), format), HasSubstr("16 are needed"));
  EXPECT_THAT(error_of(with_weight("dims: 1000000000"), format), HasSubstr("1000000000 are needed"));
  error_of(with_weight("dims: 4611686018427387904 dims: 4611686018427387904"), ErrorKind::limit);
  error_of(with_weight("dims: -1"), ErrorKind::limit);
  EXPECT_THAT(error_of(with_weight("dims: 1 data_location: EXTERNAL external_data { "
                                   "key: 'location' value: '/x' }"),
                       ErrorKind::unsupported),
              HasSubstr("in another file"));
  EXPECT_THAT(
      error_of(file_of(node("If", {"x"}, "y", "attribute { name: 'a' type: GRAPH g { name: 'g' } } ")),
               format),
      HasSubstr("a graph without outputs"));
  EXPECT_THAT(error_of("not a model at all", format), HasSubstr("no ONNX model"));
  EXPECT_THAT(error_of("", format), HasSubstr("an empty file"));
  onnx::ModelProto without_graph;
  without_graph.set_ir_version(8);
  EXPECT_THAT(error_of(without_graph.SerializeAsString(), format), HasSubstr("no graph"));
  for (const char* attributes :
       {"attribute { name: 'strides' type: INTS ints: [0,1] } ",
        "attribute { name: 'group' type: INT i: 0 } ", "attribute { name: 'strides' type: FLOAT f: 1 } ",
        "attribute { name: 'pads' type: INTS ints: [-1,0,0,0] } "})
    error_of(file_of(node("Conv", {"x", "w"}, "y", attributes),
                     "initializer { name: 'w' data_type: 1 dims: [1,4,1,1] "
                     "float_data: [1,1,1,1] } "),
             format);
}

// A network with every kind of structure a file of ours has: weights, sizes computed from a reference, a
// crop, metadata.
Model varied_model() {
  ModelMaker maker(4);
  const Value small = maker.add(op::Clip{}, {maker.halved()}, "clip");
  const Value pooled = maker.add(op::MaxPool{}, {small}, "pool");
  const Value back = maker.add(op::Resize{}, {pooled, small}, "back");
  const Value sum = maker.add(op::Add{}, {back, small}, "sum");
  const Value wide = maker.add(op::Pad{.pads = {2, 2, 2, 2}}, {sum}, "wide");
  const Value crop = maker.add(op::Crop{.top = 1, .left = 1}, {wide, sum}, "crop");
  maker.model.graph.output("logits", maker.add(op::Resize{}, {crop, maker.image}, "logits"));
  for (int i = 0; i < 3; ++i)
    maker.model.info.classes.push_back({cat("class ", i), {}});
  return maker.model;
}

TEST(OnnxMutation, DamagedFilesAreRefusedByNameOrReadWhole) {
  const std::string good = onnx_bytes(varied_model());
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "vitrail_mutated.onnx";
  Random random(20);
  int refused = 0, read = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string bad = mutated(good, random);
    std::ofstream(path, std::ios::binary) << bad;
    try {
      const Model model = read_onnx(path);
      onnx_bytes(model);  // what was read holds together
      ++read;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
      ++refused;
    }
  }
  std::filesystem::remove(path);
  EXPECT_GT(refused, 100);
  EXPECT_GT(read, 20) << "flips inside weights and comments leave a sound file";
}

}  // namespace
}  // namespace vitrail
