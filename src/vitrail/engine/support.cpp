#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/network.h"
#include "vitrail/graph/evaluate.h"

namespace vitrail::engine_detail {
namespace {

constexpr DataType known_types[] = {DataType::f32, DataType::i64, DataType::i32,
                                    DataType::i8,  DataType::u8,  DataType::boolean};

bool is_known(DataType type) {
  return std::find(std::begin(known_types), std::end(known_types), type) != std::end(known_types);
}

std::string known_type_names() {
  std::vector<std::string_view> names;
  for (const DataType type : known_types)
    names.push_back(name_of(type));
  return join(names);
}

// Why a layer cannot run, or "" when it can.
class SupportCheck {
 public:
  explicit SupportCheck(const Network& network) : network_(network) {}

  std::string reason(const Layer& layer) const {
    if (!is_known(network_.value(layer.output).type))
      return cat("makes ", name_of(network_.value(layer.output).type), "; known are ", known_type_names());
    for (const ValueId input : layer.inputs)
      if (const std::string fault = fault_of(input, layer); !fault.empty()) return fault;
    return std::visit([&](const auto& op) { return check(op, layer); }, layer.op);
  }

 private:
  // Operators that no plain evaluation stands behind compute with floats only.
  std::string fault_of(ValueId input, const Layer& layer) const {
    if (input == no_value) return "";
    const DataType type = network_.value(input).type;
    const bool index = std::holds_alternative<op::MaxUnpool>(layer.op) ||
                       std::holds_alternative<op::RoiAlign>(layer.op) ||
                       std::holds_alternative<op::Resize>(layer.op);
    if (type != DataType::f32 && !index && !can_evaluate(layer.op))
      return cat("reads ", name_of(type), "; only f32 can be read here");
    return "";
  }
  std::string computed_parameter(const Layer& layer) const {
    for (size_t i = 1; i < layer.inputs.size(); ++i)
      if (layer.inputs[i] != no_value && !network_.is_constant(layer.inputs[i]))
        return cat("input ", i, " is computed from the network's inputs; weights must be constant");
    return "";
  }
  std::string check(const op::Conv&, const Layer& layer) const { return computed_parameter(layer); }
  std::string check(const op::ConvTranspose& conv, const Layer& layer) const {
    for (size_t d = 0; d < 2; ++d)  // oneDNN's limit
      if (conv.output_padding[d] > conv.pads[d + 2] + conv.strides[d])
        return cat("output_padding ", conv.output_padding[d], " exceeds pads + stride");
    return computed_parameter(layer);
  }
  std::string check(const op::BatchNormalization&, const Layer& layer) const {
    return computed_parameter(layer);
  }
  template <class Other>
  std::string check(const Other&, const Layer&) const {
    return "";
  }

  const Network& network_;
};

}  // namespace

void expect_supported(const Network& network) {
  std::vector<std::string> faults;
  for (const NetworkPort& input : network.inputs)
    if (const DataType type = network.value(input.value).type; !is_known(type))
      faults.push_back(
          cat("input '", input.name, "' is ", name_of(type), "; known are ", known_type_names()));
  const SupportCheck support(network);
  for (const Layer& layer : network.layers)
    if (const std::string reason = support.reason(layer); !reason.empty())
      faults.push_back(cat("node '", layer.name, "' (", type_name(layer.op), ") ", reason));
  if (!faults.empty())
    throw Error(ErrorKind::unsupported,
                {.where = "engine", .found = join(faults, "; "), .next = "Remove or replace these nodes"});
}

}  // namespace vitrail::engine_detail
