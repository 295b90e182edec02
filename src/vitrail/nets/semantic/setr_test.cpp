#include "vitrail/nets/semantic/setr.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/nets/encoders/vit.h"

namespace vitrail {
namespace {

int64_t all_learnable(const Graph& graph) {
  int64_t count = 0;
  for (const Parameter& parameter : graph.parameters())
    count += parameter.role == Role::learnable ? element_count(parameter.shape) : 0;
  return count;
}

// SPEC 8's published totals hold the auxiliary heads and, in every head, an unused 512 -> 150 layer; MLA's
// also a class token that no block ever sees. Ours have neither.
TEST(Setr, PublishedTotalsLessTheirDeadLayers) {
  constexpr int64_t dead = 512 * 150 + 150;
  const auto count = [](const char* name) { return all_learnable(build_net(name, {.classes = 150}).graph); };
  EXPECT_EQ(count("setr-naive-vit-l"), 305669296 - 4 * dead);
  EXPECT_EQ(count("setr-pup-vit-l"), 318307292 - 5 * dead);
  EXPECT_EQ(count("setr-mla-vit-l"), 310568836 - 5 * dead - 1024);
}

// SPEC 8: 959.0 G at 768 and 362.0 G at 512, attention's products included.
TEST(Vit, MultiplyAddsOfViTLarge) {
  for (const auto& [side, expected] :
       std::vector<std::pair<int64_t, double>>{{768, 959.0e9}, {512, 362.0e9}}) {
    Graph graph;
    const Value image = graph.input("image", {-1, 3, -1, -1});
    graph.output("tokens", vit(Scope(graph), image, {}).blocks.back());
    const Cost cost = cost_of(graph, {1, 3, side, side});
    EXPECT_NEAR(static_cast<double>(cost.multiply_adds), expected, 0.001 * expected) << side;
    EXPECT_EQ(infer_shapes(graph, {1, 3, side, side})[graph.outputs()[0].value],
              (Shape{1, side * side / 256 + 1, 1024}));
  }
}

// SPEC 14: 768: 48 tokens a side; PUP 48, 96, 192, 384; MLA 48, 192.
TEST(Setr, SizesOfTheWalkThrough) {
  const std::map<std::string, std::map<std::string, int64_t>> expected{
      {"setr-naive-vit-b", {{"head.score", 48}, {"upsample", 768}}},
      {"setr-pup-vit-b", {{"head.up0", 96}, {"head.up1", 192}, {"head.up2", 384}, {"head.score", 384}}},
      {"setr-mla-vit-b", {{"head.p5.conv.0", 48}, {"head.p2.up", 192}, {"head.score", 192}}}};
  for (const auto& [name, sizes] : expected) {
    const Model model = build_net(name, {});
    EXPECT_EQ(model.info.preprocessing.multiple, 16);
    const ShapeTable shapes = infer_shapes(model.graph, {1, 3, 768, 768});
    size_t found = 0;
    for (const Node& node : model.graph.nodes())
      if (const auto size = sizes.find(node.name); size != sizes.end()) {
        EXPECT_EQ(shapes[node.outputs[0]][2], size->second) << name << " " << node.name;
        ++found;
      }
    EXPECT_EQ(found, sizes.size()) << name;
  }
}

TEST(Setr, RefusesImpossibleOptions) {
  for (const std::pair<const std::string, std::string>& setting : std::map<std::string, std::string>{
           {"heads", "5"}, {"dim", "0"}, {"depth", "0"}, {"grid", "0"}, {"width", "0"}, {"aux", "2"}})
    EXPECT_THROW(build_net("setr-small-naive", {.set = {setting}}), Error) << setting.first;
}

}  // namespace
}  // namespace vitrail
