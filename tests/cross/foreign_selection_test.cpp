// Operators that choose, count and combine by values, whole numbers of every width and what operator set 6
// meant, against ONNX Runtime.

#include <gmock/gmock.h>

#include "cross/foreign_export.h"
#include "vitrail/base/error.h"

namespace vitrail::foreign {
namespace {

std::string cast(const std::string& x, const std::string& y, int to) {
  return node("Cast", x, y, whole("to", to));
}

// Each update's place along the last axis of x: most are named several times.
std::string repeated() {
  std::vector<int64_t> at;
  for (int64_t i = 0; i < 4 * 6 * 7; ++i)
    at.push_back((i * i + i / 5) % 4 - (i % 3 == 0 ? 8 : 0));
  return integers("at", {1, 4, 6, 7}, at) + node("Slice", "x zero seven last", "updates") +
         integers("seven", {1}, {7}) + integers("last", {1}, {3});
}

std::vector<Case> scattered() {
  std::vector<Case> cases;
  std::vector<double> blocks(5 * 6 * 8);
  for (size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = 0.5 + 0.003 * static_cast<double>(i * i % 331);
  const std::string rows =
      floats("blocks", {5, 6, 8}, blocks) + integers("where", {5, 2}, {0, 1, 0, 3, 0, 1, 0, -1, 0, 1});
  for (const char* how : {"add", "mul", "max", "min"}) {
    const int opset = how[0] == 'm' && how[1] != 'u' ? 18 : 16;
    const std::string reduction = word("reduction", how);
    cases.push_back({cat("ScatterElements ", how),
                     repeated() + node("ScatterElements", "x at updates", "y", whole("axis", 3) + reduction),
                     opset});
    cases.push_back(
        {cat("ScatterND ", how), rows + node("ScatterND", "x where blocks", "y", reduction), opset});
    cases.push_back({cat("Computed places ", how),
                     node("Add", "x third", "up") + node("Round", "up", "few") + cast("few", "channel", 7) +
                         node("ScatterElements", "x channel up", "y", whole("axis", 1) + reduction),
                     opset});
  }
  const std::string whole_numbers = node("Mul", "x ten", "scaled") + floats("ten", {}, {10}) +
                                    cast("scaled", "n", 7) + integers("n.at", {3}, {1, 1, 0}) +
                                    integers("n.up", {3}, {5, 7, 11}) + node("Reshape", "n line", "n.line");
  cases.push_back({"ScatterElements of whole numbers",
                   whole_numbers +
                       node("ScatterElements", "n.line n.at n.up", "n.y", word("reduction", "add")) +
                       cast("n.y", "y", 1)});
  return cases;
}

TEST(ForeignSelection, UpdatesOfOnePlaceAreCombined) {
  expect_like_onnx_runtime(scattered());
}

TEST(ForeignSelection, CombinedUpdatesWrittenAgain) {
  expect_the_same_written_again(scattered());
}

std::vector<Case> chosen() {
  std::vector<Case> cases;
  const std::string best =
      node("ReduceMax", "x", "by.column",
           cat("attribute { name: 'axes' type: INTS ints: [0, 1, 2] } ", whole("keepdims", 0))) +
      node("Greater", "by.column nine", "large") + floats("nine", {}, {0.9});
  cases.push_back({"Compress", best + node("Compress", "x large", "y", whole("axis", -1))});
  cases.push_back({"Compress without an axis", node("Greater", "x half", "mask") +
                                                   node("Reshape", "mask line", "flags") +
                                                   node("Compress", "x flags", "y")});
  for (const int64_t time : {0, 1}) {
    const std::string lines =
        integers("lines", {3}, {4, 6, 8}) + node("Reshape", "x lines", "s") +
        integers("lengths", {time == 0 ? 6 : 4},
                 time == 0 ? std::vector<int64_t>{4, 1, 2, 3, 4, 1} : std::vector<int64_t>{6, 5, 1, 2});
    cases.push_back({cat("ReverseSequence along ", time),
                     lines + node("ReverseSequence", "s lengths", "y",
                                  whole("time_axis", time) + whole("batch_axis", 1 - time))});
  }
  const std::string few =
      node("Mul", "x four.f", "scaled") + floats("four.f", {}, {4}) + node("Round", "scaled", "few");
  for (const int64_t sorted : {0, 1})
    for (const char* output : {"y - - -", "v y.i - -", "v - y.i -", "v - - y.i"}) {
      const bool is_count = std::string(output)[0] == 'v';
      std::string text = "node { op_type: 'Unique' input: 'few' ";
      std::istringstream names(output);
      for (std::string name; names >> name;)
        text += cat("output: '", name == "-" ? "" : name, "' ");
      text += whole("sorted", sorted) + "} " + (is_count ? cast("y.i", "y", 1) : "");
      cases.push_back({cat("Unique sorted ", sorted, " ", output), few + text, 13});
    }
  const std::string rows = node("ArgMax", "x", "b", whole("axis", 1)) + cast("b", "b.f", 1) +
                           node("Slice", "b.f zero two last", "pairs.of.columns") +
                           integers("last", {1}, {3}) + integers("table", {2}, {6, 2}) +
                           node("Reshape", "pairs.of.columns table", "rows");
  cases.push_back({"Unique rows", rows + node("Unique", "rows", "y", whole("axis", 0)), 13});
  cases.push_back({"Unique columns", rows + node("Unique", "rows", "y", whole("axis", -1)), 13});
  return cases;
}

TEST(ForeignSelection, WhatIsChosenByValues) {
  expect_like_onnx_runtime(chosen());
}

TEST(ForeignSelection, ChosenByValuesWrittenAgain) {
  expect_the_same_written_again(chosen());
}

std::vector<Case> along_axes() {
  std::vector<Case> cases;
  const std::string coarse = node("Round", "x", "coarse");
  for (const char* type : {"ArgMax", "ArgMin"})
    for (const int64_t axis : {0, 1, -1})
      for (const int64_t keep : {0, 1})
        cases.push_back(
            {cat(type, " last ", axis, " ", keep),
             coarse +
                 node(type, "coarse", "i",
                      whole("axis", axis) + whole("keepdims", keep) + whole("select_last_index", 1)) +
                 cast("i", "y", 1)});
  cases.push_back({"ArgMin of bytes", node("Mul", "x hundred", "scaled") + floats("hundred", {}, {100}) +
                                          node("Add", "scaled hundred", "up") + cast("up", "bytes", 2) +
                                          node("ArgMin", "bytes", "i", whole("axis", 3)) +
                                          cast("i", "y", 1)});
  const std::string square = integers("square", {4}, {4, 2, 6, 4}) + node("Reshape", "x square", "s") +
                             node("Slice", "s zero four two", "q");  // [4,2,4,4]
  const auto einsum = [&](const char* inputs, const char* equation) {
    cases.push_back({equation, square + node("Einsum", inputs, "y", word("equation", equation))});
  };
  einsum("q", "abii->abi");
  einsum("q", "abii->ba");
  einsum("q", "iaii->ia");
  einsum("q q", "abii,abij->aj");
  einsum("q q q", "abij,abjk,abkl->abil");
  einsum("q q q", "abij,cbjk,cdkl->ad");
  for (const int64_t rows : {1, 2, 3, 4, 5, 6})
    cases.push_back({cat("Det of ", rows),
                     node("Reshape", "x line", "all") + node("Slice", "all zero cut", "few") +
                         integers("cut", {1}, {2 * rows * rows}) + integers("square", {3}, {2, rows, rows}) +
                         node("Reshape", "few square", "m") + node("Det", "m", "y")});
  cases.push_back({"EyeLike of another type",
                   node("Reshape", "x table", "t") + integers("table", {2}, {12, 16}) +
                       node("EyeLike", "t", "e", whole("dtype", 7) + whole("k", -2)) + cast("e", "y", 1)});
  const std::string pooled =
      cat("attribute { name: 'kernel_shape' type: INTS ints: [3, 2] } ",
          "attribute { name: 'strides' type: INTS ints: [2, 3] } ", whole("storage_order", 1));
  cases.push_back({"MaxPool by columns", node("MaxPool", "x", "m at", pooled) + cast("at", "y", 1)});
  cases.push_back(
      {"MaxUnpool to a given size",
       node("MaxPool", "x", "m at",
            "attribute { name: 'kernel_shape' type: INTS ints: [2, 2] } attribute { name: 'strides' type: "
            "INTS ints: [2, 2] } ") +
           integers("to", {4}, {1, 4, 7, 9}) +
           node("MaxUnpool", "m at to", "y",
                "attribute { name: 'kernel_shape' type: INTS ints: [2, 2] } attribute { name: 'strides' "
                "type: INTS ints: [2, 2] } ")});
  return cases;
}

TEST(ForeignSelection, AlongAxes) {
  expect_like_onnx_runtime(along_axes());
}

TEST(ForeignSelection, AlongAxesWrittenAgain) {
  expect_the_same_written_again(along_axes());
}

// x times `scale` plus `shift` as whole numbers of a type, and back.
TEST(ForeignSelection, WholeNumbersOfEveryWidth) {
  std::vector<Case> cases;
  const auto add = [&](const char* op, int type, double scale, double shift,
                       const std::string& attributes = "") {
    cases.push_back(
        {cat(op, " of type ", type),
         floats("scale", {}, {scale}) + floats("shift", {}, {shift}) + node("Mul", "x scale", "scaled") +
             node("Add", "scaled shift", "a.f") + cast("a.f", "a.wide", 7) + cast("a.wide", "a", type) +
             node("Transpose", "a", "turned", "attribute { name: 'perm' type: INTS ints: [0, 1, 3, 2] } ") +
             node("Reshape", "turned like", "b") + integers("like", {4}, {1, 4, 6, 8}) +
             node(op, "a b", "c", attributes) + cast("c", "y", 1)});
  };
  for (const char* op : {"Min", "Max"}) {
    add(op, 12, 2e9, 2.1e9);    // u32
    add(op, 13, 4e18, 4.1e18);  // u64
  }
  for (const int type : {4, 12, 13})  // u16, u32, u64
    add("Mod", type, 1000, 1001);
  add("Mod", 5, 1000, 2000);
  expect_like_onnx_runtime(cases, 1e-6);
}

// Whole numbers wrap around in narrow types.
TEST(ForeignSelection, NumbersBeyondANarrowType) {
  std::vector<Case> cases;
  for (const int type : {4, 5, 12})
    cases.push_back({cat("to type ", type), floats("scale", {}, {6e9}) + node("Mul", "x scale", "scaled") +
                                                cast("scaled", "wide", 7) + node("Add", "wide one", "more") +
                                                cast("more", "n", type) + cast("n", "y", 1)});
  expect_like_onnx_runtime(cases, 1e-6);
}

}  // namespace
}  // namespace vitrail::foreign
