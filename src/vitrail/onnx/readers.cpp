// The tables of readers, joined.

#include <algorithm>
#include <array>

#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/node_import.h"
#include "vitrail/onnx/operators.h"

namespace vitrail {
namespace onnx_files {
namespace {

constexpr std::array kTables{
    convolution_readers, normalization_readers, elementwise_readers, shape_readers,   slice_readers,
    resize_readers,      padding_readers,       reduction_readers,   product_readers, quantization_readers,
    detection_readers,   position_readers,      composed_readers,    bit_readers,     control_readers,
    selection_readers,   recurrent_readers};

const OperatorReader* find_in(Readers readers, std::string_view type) {
  const auto found = std::find_if(readers.begin(), readers.end(),
                                  [&](const OperatorReader& reader) { return reader.type == type; });
  return found == readers.end() ? nullptr : &*found;
}

}  // namespace

// The name of one of our functions ends with what its body is made for: "AdaptivePool_6x6".
const OperatorReader* find_reader(std::string_view domain, std::string_view type) {
  if (domain == kOwnDomain) return find_in(own_readers(), type.substr(0, type.find('_')));
  // ONNX Runtime's quantiser writes the standard operators under its own domain as well.
  if (domain == kContribDomain)
    if (const OperatorReader* found = find_in(contrib_readers(), type)) return found;
  const bool as_standard =
      domain == kContribDomain && (type == "QuantizeLinear" || type == "DequantizeLinear");
  if (!is_default(domain) && !as_standard) return nullptr;
  for (const auto& table : kTables)
    if (const OperatorReader* found = find_in(table(), type)) return found;
  return nullptr;
}

}  // namespace onnx_files

std::vector<OnnxOperator> onnx_operators() {
  using namespace onnx_files;
  std::vector<OnnxOperator> all;
  for (const auto& table : kTables)
    for (const OperatorReader& reader : table())
      all.push_back({std::string(reader.type), std::string(reader.note)});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.type < b.type; });
  for (const OperatorReader& reader : contrib_readers())
    all.push_back({cat(kContribDomain, ".", reader.type), std::string(reader.note)});
  for (const OperatorReader& reader : own_readers())
    all.push_back(
        {cat(kOwnDomain, ".", reader.type), "our own: a function of standard operators for other runtimes"});
  return all;
}

std::string onnx_operators_markdown() {
  std::string table = "| operator | limits |\n|---|---|\n";
  for (const OnnxOperator& op : onnx_operators())
    table += cat("| ", op.type, " | ", op.note, " |\n");
  return table;
}

}  // namespace vitrail
