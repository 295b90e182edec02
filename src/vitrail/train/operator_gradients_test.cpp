// Every operator that is differentiable against finite differences, and every one that has a plain evaluation
// against that.

#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/operator_cases.h"

namespace vitrail::train {
namespace {

std::string described(const OperatorCase& c) {
  return cat(c.name, " (", type_name(c.op), ")");
}

bool learns(const OperatorCase& c, size_t i) {
  return c.inputs[i].defined() && c.inputs[i].scalar_type() == at::kDouble &&
         std::find(c.constants.begin(), c.constants.end(), i) == c.constants.end();
}

/// Derivatives of `value` to each element of `x`, by central differences.
template <class Value>
at::Tensor differences(at::Tensor& x, const Value& value) {
  constexpr double step = 1e-5;
  at::Tensor result = at::empty_like(x);
  for (int64_t i = 0; i < x.numel(); ++i) {
    double& element = x.data_ptr<double>()[i];
    const double before = element;
    element = before + step;
    const double above = value();
    element = before - step;
    const double below = value();
    element = before;
    result.data_ptr<double>()[i] = (above - below) / (2 * step);
  }
  return result;
}

void check_gradients(const OperatorCase& c) {
  OperatorCall call = c.call();
  for (at::Tensor& input : call.inputs)
    if (input.defined()) input = input.detach().clone();
  torch::manual_seed(1);
  const at::Tensor factor = at::randn_like(apply_operator(c.op, call));
  const auto value = [&] {
    const at::NoGradGuard no_gradients;
    return (apply_operator(c.op, call) * factor).sum().item<double>();
  };
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    if (!learns(c, i)) continue;
    const at::Tensor expected = differences(call.inputs[i], value);
    OperatorCall learning = call;
    learning.inputs[i] = call.inputs[i].clone().requires_grad_(true);
    const at::Tensor y = apply_operator(c.op, learning);
    ASSERT_TRUE(y.requires_grad()) << described(c) << " input " << i;
    (y * factor).sum().backward();
    const at::Tensor found = learning.inputs[i].grad();
    ASSERT_TRUE(found.defined()) << described(c) << " input " << i;
    const double scale = expected.abs().max().item<double>();
    EXPECT_LE((found - expected).abs().max().item<double>(), 2e-7 * std::max(scale, 1.0))
        << described(c) << " input " << i << "\n"
        << found << "\n"
        << expected;
    EXPECT_EQ(scale < 1e-6, c.flat) << described(c) << " input " << i;
  }
}

TEST(OperatorGradientsTest, EqualFiniteDifferences) {
  int64_t checked = 0;
  for (const OperatorCase& c : operator_cases()) {
    if (!c.smooth) continue;
    try {
      check_gradients(c);
      ++checked;
    } catch (const std::exception& error) {
      ADD_FAILURE() << described(c) << ": " << error.what();
    }
  }
  EXPECT_GT(checked, 100);
}

TEST(OperatorGradientsTest, TheCasesMissNoOperator) {
  std::set<size_t> seen;
  for (const OperatorCase& c : operator_cases())
    seen.insert(c.op.index());
  EXPECT_EQ(seen.size(), std::variant_size_v<Op> - 1) << "all but Loop, which is not trained";
}

void expect_same(const OperatorCase& c, const at::Tensor& found, const at::Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << described(c);
  ASSERT_EQ(found.scalar_type(), expected.scalar_type()) << described(c);
  if (found.is_floating_point())
    EXPECT_TRUE(at::allclose(found, expected, 1e-9, 1e-11)) << described(c) << "\n" << found << expected;
  else
    EXPECT_TRUE(at::equal(found, expected)) << described(c) << "\n" << found << expected;
}

TEST(OperatorGradientsTest, ValuesEqualThePlainEvaluation) {
  std::set<size_t> compared;
  for (const OperatorCase& c : operator_cases()) {
    if (!can_evaluate(c.op)) continue;
    // Quantised numbers have f32 scales alone.
    const bool single = std::holds_alternative<op::DequantizeLinear>(c.op);
    OperatorCall call = c.call();
    std::vector<Tensor> inputs;
    for (at::Tensor& input : call.inputs) {
      if (single && input.scalar_type() == at::kDouble) input = input.to(at::kFloat);
      inputs.push_back(input.defined() ? from_torch(input) : Tensor());
    }
    try {
      expect_same(c, apply_operator(c.op, call), to_torch(evaluate(c.op, inputs)));
      compared.insert(c.op.index());
    } catch (const std::exception& error) {
      ADD_FAILURE() << described(c) << ": " << error.what();
    }
  }
  EXPECT_GT(compared.size(), 30u);
}

TEST(OperatorGradientsTest, IntegersThatDoNotDivideAreRefused) {
  const OperatorCall by_zero{.inputs = {whole({1, 2}), whole({0})}, .output = {}};
  EXPECT_THROW(apply_operator(op::Binary{op::Binary::Function::divide}, by_zero), Error);
  const OperatorCall smallest{.inputs = {whole({INT64_MIN}), whole({-1})}, .output = {}};
  EXPECT_EQ(apply_operator(op::Binary{op::Binary::Function::divide}, smallest).item<int64_t>(), INT64_MIN);
}

}  // namespace
}  // namespace vitrail::train
