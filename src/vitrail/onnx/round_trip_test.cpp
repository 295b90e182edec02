// Every operator: graph -> file -> ONNX's own checks -> graph -> the same file.

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>
#include <tensor_operator_models.h>

#include "onnx/checker.h"
#include "onnx/shape_inference/implementation.h"
#include "vitrail/base/error.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

using onnx_files::parse_model;

OnnxExportOptions fixed_to(const Shape& input) {
  return {.batch = input[0], .height = input[2], .width = input[3]};
}

std::vector<std::string> nodes_of(const std::string& bytes) {
  std::vector<std::string> nodes;
  const onnx::ModelProto proto = parse_model(bytes, "nodes");
  for (const onnx::NodeProto& node : proto.graph().node())
    nodes.push_back(node.DebugString());
  return nodes;
}

bool same_weights(const Weights& a, const Weights& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.shape() == y.second.shape() &&
           std::memcmp(x.second.raw(), y.second.raw(), static_cast<size_t>(x.second.bytes())) == 0;
  });
}

// Before ONNX 1.16 shape inference counted windows that begin beyond the padded input; ONNX Runtime never ran
// them.
bool may_have_window_beyond(const Model& model) {
  const auto is_so = [](const auto& pool) { return pool.ceil_mode && pool.pads != Pads{}; };
  const Op& op = model.graph.nodes()[0].op;
  if (const auto* pool = std::get_if<op::MaxPool>(&op)) return is_so(*pool);
  if (const auto* pool = std::get_if<op::AveragePool>(&op)) return is_so(*pool);
  return false;
}

// ONNX's strict shape inference agrees with ours about the output.
void expect_same_shape_by_onnx(const std::string& bytes, const OperatorModel& small) {
  onnx::ModelProto proto = parse_model(bytes, small.name);
  proto.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  const onnx::ShapeInferenceOptions strict(true, 1, true);
  ASSERT_NO_THROW(onnx::shape_inference::InferShapes(proto, onnx::OpSchemaRegistry::Instance(), strict))
      << small.name;
  const onnx::TypeProto_Tensor& type = proto.graph().output(0).type().tensor_type();
  if (!type.has_shape()) return;  // a Slice whose ends are computed: ONNX does not even tell its rank
  const onnx::TensorShapeProto& inferred = type.shape();
  const Shape ours = infer_shapes(small.model.graph, small.input)[small.model.graph.outputs()[0].value];
  ASSERT_EQ(inferred.dim_size(), static_cast<int>(ours.size())) << small.name;
  for (int axis = 0; axis < inferred.dim_size(); ++axis) {
    if (inferred.dim(axis).has_dim_value()) {
      EXPECT_EQ(inferred.dim(axis).dim_value(), ours[static_cast<size_t>(axis)]) << small.name << " " << axis;
    }
  }
}

// A strided and dilated convolution with SAME padding, whose kernel an open-sized file spreads out
// (same_padding.h).
bool has_spread_kernel(const Model& model) {
  for (const Node& node : model.graph.nodes())
    if (const auto* conv = std::get_if<op::Conv>(&node.op);
        conv != nullptr && (conv->auto_pad == AutoPad::same_upper || conv->auto_pad == AutoPad::same_lower) &&
        conv->strides != Pair{1, 1} && conv->dilations != Pair{1, 1})
      return true;
  return false;
}

TEST(OnnxRoundTrip, EveryOperatorWithOpenSizes) {
  for (const OperatorModel& small : operator_models()) {
    SCOPED_TRACE(small.name);
    const std::string bytes = onnx_bytes(small.model);
    expect_same_shape_by_onnx(bytes, small);
    const Model read = onnx_from_bytes(bytes, small.name);
    EXPECT_EQ(nodes_of(onnx_bytes(read)), nodes_of(bytes));
    EXPECT_EQ(same_weights(read.weights, small.model.weights), !has_spread_kernel(small.model));
    EXPECT_EQ(infer_shapes(read.graph, small.input)[read.graph.outputs()[0].value],
              infer_shapes(small.model.graph, small.input)[small.model.graph.outputs()[0].value]);
  }
}

TEST(OnnxRoundTrip, EveryOperatorWithFixedSizes) {
  for (const OperatorModel& small : operator_models()) {
    SCOPED_TRACE(small.name);
    const std::string bytes = onnx_bytes(small.model, fixed_to(small.input));
    if (!may_have_window_beyond(small.model)) expect_same_shape_by_onnx(bytes, small);
    const onnx::ModelProto proto = parse_model(bytes, "fixed");
    for (const onnx::NodeProto& node : proto.graph().node())
      EXPECT_NE(node.op_type(), "Shape");
    const Model read = onnx_from_bytes(bytes, small.name);
    for (const auto& [name, weight] : read.weights)  // what is there for its size alone is gone
      EXPECT_TRUE(same_weights({{name, weight}}, {{name, small.model.weights.at(name)}})) << name;
    EXPECT_EQ(infer_shapes(read.graph, small.input)[read.graph.outputs()[0].value],
              infer_shapes(small.model.graph, small.input)[small.model.graph.outputs()[0].value]);
  }
}

TEST(OnnxRoundTrip, EveryTensorOperatorAndOurOwn) {
  for (const OperatorModel& small : tensor_operator_models()) {
    SCOPED_TRACE(small.name);
    const Shape expected = infer_shapes(small.model.graph, small.input)[small.model.graph.outputs()[0].value];
    for (const OnnxExportOptions& options : {OnnxExportOptions{}, fixed_to(small.input)}) {
      const std::string bytes = onnx_bytes(small.model, options);
      expect_same_shape_by_onnx(bytes, small);
      const Model read = onnx_from_bytes(bytes, small.name);
      EXPECT_EQ(infer_shapes(read.graph, small.input)[read.graph.outputs()[0].value], expected);
      EXPECT_NO_THROW(onnx_bytes(read, options));
    }
  }
}

TEST(OnnxRoundTrip, OurOwnOperatorsComeBackAsSuch) {
  for (const OperatorModel& small : tensor_operator_models()) {
    const auto last_type = [](const Graph& graph) { return type_name(graph.nodes().back().op); };
    const std::string_view type = last_type(small.model.graph);
    if (type != "DynamicDeconvolution" && type != "Encoding" && type != "AdaptivePool" && type != "MaxUnpool")
      continue;
    SCOPED_TRACE(small.name);
    const Graph read = onnx_from_bytes(onnx_bytes(small.model), small.name).graph;
    EXPECT_EQ(last_type(read), type);
    const Node &ours = small.model.graph.nodes().back(), &theirs = read.nodes().back();
    EXPECT_EQ(theirs.inputs.size(), ours.inputs.size());
    if (const auto* pool = std::get_if<op::AdaptivePool>(&ours.op)) {
      EXPECT_EQ(std::get<op::AdaptivePool>(theirs.op).bins, pool->bins);
      EXPECT_EQ(std::get<op::AdaptivePool>(theirs.op).maximum, pool->maximum);
    }
    if (const auto* deconvolution = std::get_if<op::DynamicDeconvolution>(&ours.op)) {
      EXPECT_EQ(std::get<op::DynamicDeconvolution>(theirs.op).stride, deconvolution->stride);
      EXPECT_EQ(std::get<op::DynamicDeconvolution>(theirs.op).form, deconvolution->form);
    }
  }
}

TEST(OnnxRoundTrip, ReferencesAndCropsComeBackAsSuch) {
  ModelMaker maker(4);
  const Value small = maker.halved();
  const Value back = maker.add(op::Resize{}, {small, maker.image}, "back");
  const Value cropped = maker.add(op::Crop{.top = 1, .left = 2}, {back, small}, "cropped");
  maker.model.graph.output("full", back);
  maker.model.graph.output("part", cropped);
  const Graph read = onnx_from_bytes(onnx_bytes(maker.model), "test").graph;
  ASSERT_EQ(read.nodes().size(), 3u);
  EXPECT_TRUE(std::holds_alternative<op::Resize>(read.nodes()[1].op));
  EXPECT_EQ(read.nodes()[1].inputs, (std::vector<Value>{read.nodes()[0].outputs[0], read.inputs()[0].value}));
  const auto* crop = std::get_if<op::Crop>(&read.nodes()[2].op);
  ASSERT_NE(crop, nullptr);
  EXPECT_EQ(crop->top, 1);
  EXPECT_EQ(crop->left, 2);
  EXPECT_EQ(read.nodes()[2].inputs[1], read.nodes()[0].outputs[0]);
}

TEST(OnnxRoundTrip, OutputsKeepTheirNamesWhateverTheyAre) {
  ModelMaker maker(4);
  const Value relu = maker.add(op::Relu{}, {maker.image}, "relu");
  const Value dropped = maker.add(op::Dropout{}, {relu}, "dropout");
  maker.model.graph.output("a", relu);
  maker.model.graph.output("b", relu);
  maker.model.graph.output("c", dropped);
  maker.model.graph.output("d", maker.image);
  maker.model.graph.output("loss only", maker.add(op::Sigmoid{}, {relu}, "aux"), true);
  const Model read = onnx_from_bytes(onnx_bytes(maker.model), "test");
  std::vector<std::string> names;
  for (const Output& output : read.graph.outputs())
    names.push_back(output.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "d"}));
  for (const Node& node : read.graph.nodes())
    EXPECT_FALSE(std::holds_alternative<op::Sigmoid>(node.op));
}

TEST(OnnxRoundTrip, NodesAndValuesOfTheSameNameStayApart) {
  ModelMaker maker(4);
  const Value first = maker.add(op::Relu{}, {maker.image}, "logits");
  const Value second = maker.add(op::Sigmoid{}, {first}, "image");
  maker.model.graph.output("logits", second);
  const Model read = onnx_from_bytes(onnx_bytes(maker.model), "test");
  ASSERT_EQ(read.graph.nodes().size(), 2u);
  EXPECT_EQ(read.graph.nodes()[0].name, "logits");
  EXPECT_EQ(read.graph.outputs()[0].value, read.graph.nodes()[1].outputs[0]);
}

TEST(OnnxRoundTrip, RolesAndMetadataComeBack) {
  ModelMaker maker(4);
  const Value scaled = maker.add(op::Mul{}, {maker.image, maker.parameter("scale", {1, 4, 1, 1})}, "scaled");
  const Value offset = maker.parameter("offset", {1, 4, 1, 1}, -1, 1, Role::constant);
  maker.model.graph.output("logits", maker.add(op::Add{}, {scaled, offset}, "shifted"));
  maker.model.info.architecture = "tiny";
  for (int i = 0; i < 4; ++i)
    maker.model.info.classes.push_back({cat("class ", i), {static_cast<uint8_t>(i), 2, 3}});
  maker.model.info.preprocessing.multiple = 32;
  maker.model.info.label_map = {{0, 1}, {7, 255}};
  maker.model.info.notes = {{"licence", "CC0"}};
  const Model read = onnx_from_bytes(onnx_bytes(maker.model, {.height = 64, .width = 96}), "test");
  EXPECT_EQ(read.graph.parameter_of(read.graph.value_of_parameter("scale"))->role, Role::learnable);
  EXPECT_EQ(read.graph.parameter_of(read.graph.value_of_parameter("offset"))->role, Role::constant);
  EXPECT_EQ(read.info.architecture, "tiny");
  ASSERT_EQ(read.info.classes.size(), 4u);
  EXPECT_EQ(read.info.classes[3].color, (std::array<uint8_t, 3>{3, 2, 3}));
  EXPECT_EQ(read.info.label_map, maker.model.info.label_map);
  EXPECT_EQ(read.info.notes, maker.model.info.notes);
  EXPECT_EQ(read.info.preprocessing.multiple, 32);
  EXPECT_EQ(read.info.preprocessing.height, 64) << "a file of fixed size says so to predict";
  EXPECT_EQ(read.info.preprocessing.width, 96);
  EXPECT_EQ(read.graph.shape(read.graph.inputs()[0].value), (Shape{-1, 4, 64, 96}));
}

// A kernel, a kernel with a value that 16 bits cannot hold, and biases; nodes are the same but for the Casts.
TEST(OnnxExport, HalfWeightsComeBackAsThirtyTwoBits) {
  Model model;
  Graph& graph = model.graph;
  Value x = graph.input("image", {-1, 16, -1, -1});
  for (const std::string name : {"a", "b"}) {
    const Value weight = graph.parameter({.name = name + ".weight", .shape = {16, 16, 1, 1}});
    const Value bias = graph.parameter({.name = name + ".bias", .shape = {16}});
    x = graph.add(op::Conv{}, {x, weight, bias}, name);
    std::vector<float> values(256);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = 0.1f * static_cast<float>(i) - 3.3f;
    if (name == "b") values[7] = 1e6f;
    model.weights[name + ".weight"] = Tensor::from<float>({16, 16, 1, 1}, values);
    model.weights[name + ".bias"] = Tensor::from<float>({16}, std::vector<float>(16, 0.1f));
  }
  graph.output("y", x);

  const std::string bytes = onnx_bytes(model, {.half_weights = true});
  const Model again = onnx_from_bytes(bytes, "half");
  EXPECT_LT(bytes.size(), onnx_bytes(model).size());
  ASSERT_EQ(again.weights.size(), 4u);
  EXPECT_EQ(again.graph.nodes().size(), 2u) << "no Cast is left";
  for (const auto& [name, tensor] : model.weights) {
    ASSERT_TRUE(again.weights.contains(name)) << name;
    const Tensor& read = again.weights.at(name);
    ASSERT_EQ(read.type(), DataType::f32);
    ASSERT_EQ(read.shape(), tensor.shape());
    for (size_t i = 0; i < tensor.data<float>().size(); ++i) {
      const float value = tensor.data<float>()[i];
      const float expected = name == "a.weight" ? f32_from_f16(f16_from_f32(value)) : value;
      EXPECT_EQ(read.data<float>()[i], expected) << name;
    }
  }
  EXPECT_EQ(onnx_bytes(again, {.half_weights = true}), bytes) << "rounding once is enough";
  EXPECT_EQ(again.graph.parameters()[0].role, Role::learnable);
}

// Several inputs: sizes are the image's, and each output counts rows of what it is made of.
TEST(OnnxExport, PartsHaveRowsOfTheirOwn) {
  Model model;
  model.info.task = Task::instance;
  Graph& graph = model.graph;
  const Value image = graph.input("image", {-1, 3, -1, -1});
  const Value crop = graph.input("branch.crop", {-1, 8, 9, 4});
  graph.output("scores", graph.add(op::Relu{}, {image}));
  graph.output("branch.masks", graph.add(op::Sigmoid{}, {crop}));
  const std::string bytes = onnx_bytes(model, {.batch = 1, .height = 64, .width = 96});
  const onnx::ModelProto proto = parse_model(bytes, "parts");
  const auto dimension = [&](int output, int axis) {
    return proto.graph().output(output).type().tensor_type().shape().dim(axis);
  };
  EXPECT_EQ(dimension(0, 0).dim_value(), 1);
  EXPECT_EQ(dimension(0, 3).dim_value(), 96);
  EXPECT_EQ(dimension(1, 0).dim_param(), "branch.crop_N");
  EXPECT_EQ(dimension(1, 2).dim_value(), 9);
  const Model again = onnx_from_bytes(bytes, "parts");
  EXPECT_EQ(again.graph.shape(again.graph.inputs()[1].value), (Shape{-1, 8, 9, 4}));
}

TEST(OnnxExport, NamesEveryParameterWithoutAValue) {
  ModelMaker maker(4);
  maker.model.graph.output("logits", maker.conv({}, maker.image, {2, 4, 1, 1}, "head"));
  maker.model.weights.clear();
  try {
    onnx_bytes(maker.model);
    FAIL() << "it was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("head.weight"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("head.bias"), std::string::npos);
  }
}

TEST(OnnxExport, RefusesSizesThatContradictTheGraph) {
  ModelMaker maker(4);
  Graph graph;
  graph.output("logits", graph.add(op::Relu{}, {graph.input("image", {1, 3, 32, -1})}, "relu"));
  maker.model.graph = graph;
  EXPECT_NO_THROW(onnx_bytes(maker.model, {.batch = 1, .height = 32, .width = 64}));
  EXPECT_THROW(onnx_bytes(maker.model, {.height = 48}), Error);
  EXPECT_THROW(onnx_bytes(maker.model, {.width = -1}), Error);
}

TEST(OnnxExport, OutputsOfTheInputsSizeShareItsSymbols) {
  ModelMaker maker(4);
  const Value small = maker.halved();
  maker.model.graph.output("full", maker.add(op::Resize{}, {small, maker.image}, "full"));
  maker.model.graph.output("half", small);
  const onnx::ModelProto proto = parse_model(onnx_bytes(maker.model), "test");
  const auto symbol = [&](int output, int axis) {
    return proto.graph().output(output).type().tensor_type().shape().dim(axis).dim_param();
  };
  EXPECT_EQ(symbol(0, 0), "N");
  EXPECT_EQ(symbol(0, 2), "H");
  EXPECT_EQ(symbol(0, 3), "W");
  EXPECT_EQ(symbol(1, 2), "half_2");
}

}  // namespace
}  // namespace vitrail
