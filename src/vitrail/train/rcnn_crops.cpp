#include "vitrail/train/rcnn_crops.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/roi.h"
#include "vitrail/train/crops.h"

namespace vitrail::train {
namespace {

// Boxes that are cropped from one map.
struct Level {
  std::vector<Box> boxes;
  std::vector<int64_t> images, rows;
};

at::Tensor crops_of(const at::Tensor& map, const Level& level, const RcnnSystem& system, int64_t stride,
                    int64_t side, Extent input) {
  if (system.crop == RcnnSystem::Crop::crop_and_resize_pooled)
    return crop_and_pool(map, level.boxes, level.images, {side, side}, input);
  return roi_align(map, level.boxes, level.images,
                   {.height = side,
                    .width = side,
                    .sampling_ratio = system.sampling_ratio,
                    .spatial_scale = 1 / static_cast<double>(stride),
                    .aligned = system.crop == RcnnSystem::Crop::roi_align});
}

}  // namespace

at::Tensor rcnn_crops(const std::vector<at::Tensor>& maps, std::span<const Box> boxes,
                      std::span<const int64_t> images, const RcnnSystem& system, int64_t side, Extent input) {
  if (maps.size() != system.strides.size() || maps.empty() || images.size() != boxes.size())
    throw Error(
        ErrorKind::shape,
        {.where = "crops",
         .found = cat(maps.size(), " maps, ", images.size(), " images of ", boxes.size(), " boxes"),
         .allowed = cat("a map for each of ", system.strides.size(), " strides, an image for each box")});
  if (boxes.empty()) return at::zeros({0, maps[0].size(1), side, side}, maps[0].options());
  std::vector<Level> levels(maps.size());
  for (size_t i = 0; i < boxes.size(); ++i) {
    Level& level = levels[static_cast<size_t>(level_of(boxes[i], system))];
    level.boxes.push_back(boxes[i]);
    level.images.push_back(images[i]);
    level.rows.push_back(static_cast<int64_t>(i));
  }
  std::vector<at::Tensor> crops;
  std::vector<int64_t> place(boxes.size());
  int64_t placed = 0;
  for (size_t i = 0; i < maps.size(); ++i) {
    if (levels[i].boxes.empty()) continue;
    crops.push_back(crops_of(maps[i], levels[i], system, system.strides[i], side, input));
    for (const int64_t row : levels[i].rows)
      place[static_cast<size_t>(row)] = placed++;
  }
  return at::cat(crops).index_select(0, torch::tensor(place, at::kLong));
}

}  // namespace vitrail::train
