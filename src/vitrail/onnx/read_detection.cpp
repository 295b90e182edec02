// Positions that are computed: RoiAlign, NonMaxSuppression and GridSample.

#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostSide = 1 << 20;

// Before operator set 16 boxes were not shifted by half a pixel.
void read_roi_align(NodeImport& node) {
  using Mode = op::RoiAlign::Mode;
  static constexpr EnumNames<Mode, 2> kModes{{{Mode::average, "avg"}, {Mode::maximum, "max"}}};
  static constexpr EnumNames<bool, 2> kAligned{{{true, "half_pixel"}, {false, "output_half_pixel"}}};
  const op::RoiAlign align{
      .mode = node.choice(kModes, "mode", Mode::average),
      .height = node.integer("output_height", 1, 1, kMostSide),
      .width = node.integer("output_width", 1, 1, kMostSide),
      .sampling_ratio = node.integer("sampling_ratio", 0, 0, kMostSide),
      .spatial_scale = node.real("spatial_scale", 1),
      .aligned = node.choice(kAligned, "coordinate_transformation_mode", node.opset() >= 16)};
  node.emit(align, {node.operand(0), node.operand(1), node.operand(2)});
}

void read_non_max_suppression(NodeImport& node) {
  std::vector<Operand> inputs{node.operand(0), node.operand(1)};
  for (int i = 2; i < node.count(); ++i)
    inputs.push_back(node.setting(i));
  node.emit(op::NonMaxSuppression{.center_point_box = node.flag("center_point_box", false)},
            std::move(inputs));
}

void read_grid_sample(NodeImport& node) {
  const Operand x = node.operand(0);
  if (node.rank(x) != 4) throw Unsupported{cat("an input of ", node.rank(x), " dimensions")};
  const op::GridSample sample{
      .mode = node.choice(kGridModes, "mode", op::ResizeMode::linear),
      .padding = node.choice(kGridPaddings, "padding_mode", op::GridSample::Padding::zeros),
      .align_corners = node.flag("align_corners", false)};
  node.emit(sample, {x, node.operand(1)});
}

constexpr OperatorReader kReaders[] = {
    {"GridSample", "mode padding_mode align_corners", 2, 2, read_grid_sample, "two dimensions of space"},
    {"NonMaxSuppression", "center_point_box", 2, 5, read_non_max_suppression},
    {"RoiAlign",
     "mode output_height output_width sampling_ratio spatial_scale "
     "coordinate_transformation_mode",
     3, 3, read_roi_align},
};

}  // namespace

Readers detection_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
