#include "vitrail/nets/classification.h"

#include <gtest/gtest.h>

#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {

void PrintTo(const ClassifierEntry& entry, std::ostream* out) {
  *out << entry.name;
}

namespace {

class EveryClassifier : public testing::TestWithParam<ClassifierEntry> {};

TEST_P(EveryClassifier, HasThePublishedCounts) {
  const ClassifierEntry& entry = GetParam();
  const Model model = build_classifier(entry.name);
  const Cost cost = cost_of(model.graph, {1, 3, entry.side, entry.side});
  EXPECT_EQ(cost.parameters_learnable, entry.parameters);
  if (entry.multiply_adds > 0) {  // where SPEC has a figure
    EXPECT_NEAR(static_cast<double>(cost.multiply_adds), entry.multiply_adds, 0.001 * entry.multiply_adds);
  }
}

TEST_P(EveryClassifier, GivesOneScorePerClass) {
  const Model model = build_classifier(GetParam().name, 7);
  const int64_t side = GetParam().side;
  EXPECT_EQ(infer_shapes(model.graph, {2, 3, side, side})[model.graph.outputs()[0].value],
            (Shape{2, 7, 1, 1}));
}

std::string test_name(const testing::TestParamInfo<ClassifierEntry>& param) {
  std::string name = param.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Classifiers, EveryClassifier, testing::ValuesIn(classifiers()), test_name);

}  // namespace
}  // namespace vitrail
