// Loops of ONNX files whose length or condition is computed when they run, against ONNX Runtime.

#include <gmock/gmock.h>

#include "cross/foreign_nodes.h"
#include "vitrail/base/error.h"

namespace vitrail::foreign {
namespace {

struct Port {
  const char* name;
  int type = 1;            ///< ONNX's number of the element type: 1 f32, 7 i64, 9 boolean
  const char* shape = "";  ///< "shape { }" for a scalar
};

std::string port(const char* what, const Port& port) {
  return cat(what, " { name: '", port.name, "' type { tensor_type { elem_type: ", port.type, " ", port.shape,
             " } } } ");
}

const char* const kScalar = "shape { }";

// `inputs`: M and the condition ('-' where left out), and what is carried. The body reads i and c first.
std::string loop(const std::string& inputs, const std::string& outputs, const std::string& nodes,
                 const std::vector<Port>& reads, const std::vector<Port>& makes) {
  std::string text = "node { op_type: 'Loop' ";
  std::istringstream read(inputs), made(outputs);
  for (std::string name; read >> name;)
    text += cat("input: '", name == "-" ? "" : name, "' ");
  for (std::string name; made >> name;)
    text += cat("output: '", name, "' ");
  static int count = 0;
  text += cat("attribute { name: 'body' type: GRAPH g { name: 'body", ++count, "' ", nodes);
  for (const Port& each : reads)
    text += port("input", each);
  for (const Port& each : makes)
    text += port("output", each);
  return text + "} } } ";
}

std::string axes(const std::string& values) {
  return cat("attribute { name: 'axes' type: INTS ints: [", values, "] } ");
}

const std::string kLargest = node("ReduceMax", "x", "largest", whole("keepdims", 0));
// Between 3 and 5 of them, computed.
const std::string kTrips = kLargest + node("Mul", "largest five", "fives") + floats("five", {}, {5}) +
                           node("Cast", "fives", "trips", whole("to", 7));

std::vector<Case> lengths() {
  const Port i{"i", 7, kScalar}, c{"c", 9, kScalar}, st{"st"}, co{"co", 9, kScalar}, so{"so"};
  const std::string larger = node("Mul", "st more", "so") + floats("more", {}, {1.5}) +
                             node("ReduceMax", "so", "m", whole("keepdims", 0)) +
                             node("Less", "m limit", "co") + floats("limit", {}, {20});
  const std::string begin = kLargest + node("Less", "largest half", "never") + node("Not", "never", "begin");
  const std::string by_trip = node("Cast", "i", "n", whole("to", 1)) + node("Mul", "x n", "nx") +
                              node("Add", "st nx", "so") + node("Identity", "c", "co");
  const std::string by_trip_collected = by_trip + node("ReduceMax", "so", "scan", axes("3"));
  const std::string none = kTrips + node("Sub", "trips trips", "no");
  return {
      {"WhileItsConditionIsTrue", begin + loop("- begin x", "y", larger, {i, c, st}, {co, so})},
      {"WhileThatDoesNotBegin", begin + loop("- never x", "y", larger, {i, c, st}, {co, so})},
      {"AsManyTripsAsAreComputed", kTrips + loop("trips - x", "y", by_trip, {i, c, st}, {co, so})},
      {"WhatIsCollected",
       kTrips + loop("trips - x", "last y", by_trip_collected, {i, c, st}, {co, so, {"scan"}})},
      {"WhatIsCarriedAndCollected",
       kTrips + loop("trips - x", "last all", by_trip_collected, {i, c, st}, {co, so, {"scan"}}) +
           node("ReduceSum", "all", "sum", whole("keepdims", 0)) + node("Add", "last sum", "y")},
      {"NoTrips", none + loop("no - x", "y", by_trip, {i, c, st}, {co, so})},
      {"TripsOfOneNumberInAList",
       kTrips + node("Unsqueeze", "trips zero", "list") +
           loop("list - x", "y",
                node("Squeeze", "i", "si") + node("Cast", "si", "n", whole("to", 1)) +
                    node("Add", "st n", "so") + node("Identity", "c", "co"),
                {{"i", 7, "shape { dim { dim_value: 1 } }"}, c, st}, {co, so})},
      {"MoreTripsThanAreUnrolled",
       loop("many - x", "y",
            node("Mul", "st less", "so") + floats("less", {}, {0.99}) + node("Identity", "c", "co"),
            {i, c, st}, {co, so}) +
           integers("many", {}, {300})},
      {"KnownTripsAndAComputedCondition",
       loop("ten - x", "y", larger, {i, c, st}, {co, so}) + integers("ten", {}, {10})},
      {"KnownTripsAndAKnownCondition",
       loop("ten - x", "y", node("Tanh", "st", "so") + node("Less", "i scalar2", "co"), {i, c, st},
            {co, so}) +
           integers("ten", {}, {10})},
      {"OfAnOldOperatorSet", kTrips + loop("trips - x", "y", by_trip, {i, c, st}, {co, so}), 11},
  };
}

std::vector<Case> bodies() {
  const Port i{"i", 7, kScalar}, c{"c", 9, kScalar}, st{"st"}, co{"co", 9, kScalar}, so{"so"};
  const std::string pass = node("Identity", "c", "co");
  const std::string start = node("Slice", "x zero zero two", "nothing");  // without rows
  const std::string rows =
      node("Gather", "x i", "row", whole("axis", 2)) + node("Unsqueeze", "row two", "one_row");
  const std::string inner = loop("i - st", "so", node("Tanh", "a", "b") + node("Identity", "d", "e"),
                                 {{"j", 7, kScalar}, {"d", 9, kScalar}, {"a"}}, {{"e", 9, kScalar}, {"b"}});
  const std::string choice =
      "node { op_type: 'If' input: 'odd' output: 'so' "
      "attribute { name: 'then_branch' type: GRAPH g { name: 't' " +
      node("Neg", "st", "ta") + port("output", {"ta"}) +
      "} } attribute { name: 'else_branch' type: GRAPH g { name: 'e' " + node("Add", "st x", "ea") +
      port("output", {"ea"}) + "} } } ";
  return {
      {"WhatIsCarriedGrows",
       kTrips + start +
           loop("trips - nothing", "y", pass + rows + node("Concat", "st one_row", "so", whole("axis", 2)),
                {i, c, st}, {co, so})},
      {"WhatIsCarriedShrinks",
       kTrips + loop("trips - x", "y",
                     pass + node("Slice", "st one far last", "so") + integers("last", {1}, {3}), {i, c, st},
                     {co, so})},
      {"SizesFromTheTrip",
       kTrips + loop("trips - x", "y",
                     pass + node("Add", "i one", "end") + node("Slice", "x zero end last", "part") +
                         integers("last", {1}, {3}) + node("ReduceSum", "part", "sum", whole("keepdims", 0)) +
                         node("Add", "st sum", "so"),
                     {i, c, st}, {co, so})},
      {"SizesFromOutside", kTrips + node("Shape", "x", "s") + node("Reshape", "x line", "flat") +
                               loop("trips - flat", "z",
                                    pass + node("Reshape", "st s", "full") + node("Tanh", "full", "t") +
                                        node("Reshape", "t line", "so"),
                                    {i, c, st}, {co, so}) +
                               node("Neg", "z", "y")},
      {"EnlargedByTheTrip",
       kTrips +
           loop("trips - x", "y",
                pass + node("Shape", "x", "s") + node("Slice", "s zero two", "nc") +
                    node("Add", "i four", "side") +
                    node("Concat", "nc side side", "sizes", whole("axis", 0)) +
                    "node { op_type: 'Resize' input: 'x' input: '' input: '' input: 'sizes' output: 'so' " +
                    word("mode", "linear") + "} ",
                {i, c, st}, {co, so})},
      {"AConvolution", kTrips + loop("trips - x", "y",
                                     pass +
                                         node("Conv", "st filter", "so",
                                              "attribute { name: 'pads' type: INTS ints: [1, 1, 1, 1] } ") +
                                         floats("filter", {4, 4, 3, 3}, std::vector<double>(144, 0.02)),
                                     {i, c, st}, {co, so})},
      {"ALoopInALoop", kTrips + loop("trips - x", "y", pass + inner, {i, c, st}, {co, so})},
      {"AChoiceInALoop",
       kTrips + loop("trips - x", "y",
                     pass + node("Mod", "i scalar2", "m") + node("Cast", "m", "odd", whole("to", 9)) + choice,
                     {i, c, st}, {co, so})},
      {"SeveralThatAreCarried",
       kTrips + loop("trips - x x", "y other",
                     pass + node("Tanh", "st", "next") + node("Identity", "second", "so"),
                     {i, c, st, {"second"}}, {co, so, {"next"}})},
  };
}

TEST(ForeignLoops, OfLengthsThatAreComputed) {
  expect_like_onnx_runtime(lengths());
}
TEST(ForeignLoops, WithBodiesOfEveryKind) {
  expect_like_onnx_runtime(bodies());
}

// ONNX Runtime wants to know the rank of what is collected.
TEST(ForeignLoops, NothingIsCollectedInNoTrips) {
  const Port i{"i", 7, kScalar}, c{"c", 9, kScalar}, st{"st"}, co{"co", 9, kScalar}, so{"so"};
  const Port scan{"scan", 1, "shape { dim { dim_param: 'a' } dim { dim_value: 4 } }"};
  expect_like_onnx_runtime(
      {{"NoTrips", kTrips + node("Sub", "trips trips", "no") +
                       loop("no - x", "last y",
                            node("Identity", "c", "co") + node("Identity", "st", "so") +
                                node("ReduceMax", "so", "scan", axes("2, 3") + whole("keepdims", 0)),
                            {i, c, st}, {co, so, scan})}});
}

TEST(ForeignLoops, AreNeitherExportedNorEndless) {
  const Port i{"i", 7, kScalar}, c{"c", 9, kScalar}, st{"st"}, co{"co", 9, kScalar}, so{"so"};
  const std::string body = node("Identity", "c", "co") + node("Tanh", "st", "so");
  const Model model = onnx_from_bytes(file_of(loop("endless - x", "y", body, {i, c, st}, {co, so}) +
                                                  integers("endless", {}, {int64_t{1} << 62}),
                                              16),
                                      "endless");
  const auto error_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(error_of([&] { onnx_bytes(model); }), testing::HasSubstr("ONNX export, node 'y' (Loop)"));
  const Tensor x = Tensor::zeros(DataType::f32, {1, 4, 1, 1});
  EXPECT_THAT(error_of([&] { Engine(model.graph, model.weights, {.threads = 1}).run({x}); }),
              testing::HasSubstr("goes on after"));
}

}  // namespace
}  // namespace vitrail::foreign
