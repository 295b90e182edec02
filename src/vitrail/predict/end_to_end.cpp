#include "vitrail/predict/end_to_end.h"

#include <algorithm>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/branches.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/end_to_end/whole.h"
#include "vitrail/predict/instance_joins.h"
#include "vitrail/quantize/fold_batch_norm.h"

namespace vitrail {
namespace {

Extent ssd_size(const Model& model, const SsdSystem& system, Pair size, const InstanceChoice& choice) {
  if (system.from_anchors) refuse_whole("crops taken from anchors", "crops of the boxes themselves");
  if (size[0] == 0) size = {model.info.preprocessing.height, model.info.preprocessing.width};
  const bool masks = choice.masks && !system.branches.empty();
  if (size[0] < 1 || size[1] < 1 || (masks && (size[0] % branch_stride != 0 || size[1] % branch_stride != 0)))
    refuse_whole(cat("an input of ", size[0], "x", size[1]), "sides that are multiples of 32",
                 "Say it: --input HEIGHTxWIDTH");
  return {size[0], size[1]};
}

Extent any_or_fixed_size(Pair size) {
  const bool any = size[0] == 0 && size[1] == 0;
  if (!any && (size[0] < 1 || size[1] < 1))
    refuse_whole(cat("an input of ", size[0], "x", size[1]), "a height and a width above 0, or none of both");
  return {size[0], size[1]};
}

}  // namespace

std::vector<int64_t> wanted_classes(const InstanceChoice& choice, const ModelInfo& info) {
  std::vector<int64_t> classes = choice.classes;
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  if (classes.empty()) {
    classes.resize(info.classes.size());
    std::iota(classes.begin(), classes.end(), 0);
  }
  return classes;
}

int64_t most_objects(const BoxSelection& selection, const InstanceChoice& choice) {
  if (choice.most <= 0) return selection.total;
  return selection.total > 0 ? std::min(selection.total, choice.most) : choice.most;
}

void finish_whole(const Model& model, Extent size, const WholeOutputs& outputs, Model& whole) {
  whole.graph.output("boxes", outputs.boxes);
  whole.graph.output("scores", outputs.scores);
  whole.graph.output("classes", outputs.classes);
  if (outputs.masks.exists()) whole.graph.output("masks", outputs.masks);
  whole.weights = weights_of(whole.graph, model.weights);
  whole.info = model.info;
  whole.info.preprocessing.height = size.height;
  whole.info.preprocessing.width = size.width;
  whole.info.instance = {};
  whole.info.notes["end_to_end"] =
      cat("boxes [D,4] (x1, y1, x2, y2 in pixels of the input), scores [D], classes [D]",
          outputs.masks.exists() ? ", masks [D,H,W]" : "");
}

void refuse_whole(const std::string& found, const std::string& allowed, const std::string& next) {
  throw Error(ErrorKind::unsupported,
              {.where = "export from end to end", .found = found, .allowed = allowed, .next = next});
}

Model end_to_end(const Model& model, Pair size, const InstanceChoice& choice) {
  const auto* ssd = std::get_if<SsdSystem>(&model.info.instance);
  const auto* rcnn = std::get_if<RcnnSystem>(&model.info.instance);
  if (ssd == nullptr && rcnn == nullptr)
    refuse_whole(model.info.task == Task::instance ? "a network without anchors and box coding"
                                                   : "a semantic segmentation network",
                 "an instance segmentation network: an SSD, Mask R-CNN",
                 "Export it without --end-to-end: then the file is the network as it is");
  const Extent extent = ssd ? ssd_size(model, *ssd, size, choice) : any_or_fixed_size(size);
  check_choice(choice, model.info);
  // Folded here, in double: a runtime that folds in float loses digits where statistics are large.
  const Model flat = folded(model);
  return ssd ? whole_ssd(flat, *ssd, extent, choice) : whole_rcnn(flat, *rcnn, extent, choice);
}

}  // namespace vitrail
