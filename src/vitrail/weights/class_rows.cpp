#include "vitrail/weights/class_rows.h"

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/weights/coco_categories.h"

namespace vitrail {
namespace {

// Index in coco_categories(), or its size.
size_t category_of(const std::string& name) {
  const auto& all = coco_categories();
  return static_cast<size_t>(
      std::find_if(all.begin(), all.end(), [&](const CocoClass& c) { return c.name == name; }) - all.begin());
}

// The file's rows for COCO's categories, by index; empty where it has not been trained on them.
std::vector<int64_t> known_rows(int64_t file_classes) {
  std::vector<int64_t> rows;
  for (const CocoClass& category : coco_categories())
    rows.push_back(file_classes == largest_coco_id ? category.id : static_cast<int64_t>(rows.size()) + 1);
  const bool known = file_classes == largest_coco_id || file_classes == static_cast<int64_t>(rows.size());
  return known ? rows : std::vector<int64_t>{};
}

}  // namespace

std::optional<ClassRows> class_rows_of(const std::string& parameter, int64_t rows, int64_t classes) {
  const auto has = [&](std::string_view part) { return parameter.find(part) != std::string::npos; };
  if (classes < 1) return std::nullopt;
  if (has(".ClassPredictor.") || has("classification_head.module_list.")) {
    if (rows % (classes + 1) != 0) return std::nullopt;
    return ClassRows{.outer = rows / (classes + 1)};
  }
  if (has("box_predictor.cls_score.") || has("mask_predictor.mask_fcn_logits."))
    return rows == classes + 1 ? std::optional(ClassRows{}) : std::nullopt;
  if (has("box_predictor.bbox_pred."))
    return rows == 4 * (classes + 1) ? std::optional(ClassRows{.inner = 4}) : std::nullopt;
  return std::nullopt;
}

std::optional<Tensor> coco_rows(const Tensor& tensor, const ClassRows& rows,
                                const std::vector<std::string>& classes) {
  const int64_t unit = rows.outer * rows.inner;
  if (tensor.shape().empty() || unit < 1 || tensor.size(0) % unit != 0) return std::nullopt;
  const int64_t columns = tensor.size(0) / unit;  // with the background
  const std::vector<int64_t> known = known_rows(columns - 1);
  if (known.empty() || tensor.elements() == 0) return std::nullopt;

  const int64_t wanted = static_cast<int64_t>(classes.size()) + 1;
  Shape shape = tensor.shape();
  shape[0] = unit * wanted;
  Tensor result = Tensor::zeros(DataType::f32, shape);
  const auto from = tensor.data<float>();
  const auto to = result.data<float>();
  const int64_t length = rows.inner * (tensor.elements() / tensor.size(0));  // numbers of one column
  const auto add = [&](int64_t outer, int64_t source, int64_t target, float share) {
    for (int64_t i = 0; i < length; ++i)
      to[static_cast<size_t>((outer * wanted + target) * length + i)] +=
          share * from[static_cast<size_t>((outer * columns + source) * length + i)];
  };
  for (int64_t outer = 0; outer < rows.outer; ++outer) {
    add(outer, 0, 0, 1);
    for (int64_t c = 1; c < wanted; ++c) {
      const size_t category = category_of(classes[static_cast<size_t>(c - 1)]);
      if (category < known.size())
        add(outer, known[category], c, 1);
      else
        for (const int64_t row : known)
          add(outer, row, c, 1 / static_cast<float>(known.size()));
    }
  }
  return result;
}

std::vector<std::string> unknown_to_coco(const std::vector<std::string>& classes) {
  std::vector<std::string> unknown;
  for (const std::string& name : classes)
    if (category_of(name) == coco_categories().size()) unknown.push_back(name);
  return unknown;
}

}  // namespace vitrail
