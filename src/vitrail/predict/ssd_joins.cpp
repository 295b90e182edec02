// SSD, with or without segmentation branches (SPEC 11):
//   picture -> trunk -> boxes -> a branch for each -> crops -> masks -> picture

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/nms.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/predicted_maps.h"
#include "vitrail/engine/spread_threads.h"
#include "vitrail/graph/part.h"
#include "vitrail/image/resized_input.h"
#include "vitrail/predict/batched_part.h"
#include "vitrail/predict/instance_joins.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

ImageSize fixed_size(const Model& model, const PredictOptions& options) {
  const Preprocessing& p = model.info.preprocessing;
  const auto [height, width] = options.input_size[0] > 0 ? options.input_size : Pair{p.height, p.width};
  if (height > 0 && width > 0) return {height, width};
  throw Error(ErrorKind::usage, {.where = "prediction",
                                 .found = "an SSD that does not say what size its pictures have",
                                 .next = "Say it: --size HEIGHTxWIDTH"});
}

std::vector<std::string> trunk_outputs(const SsdSystem& system, bool masks) {
  std::vector<std::string> names = {"box_codes", "class_logits"};
  if (masks)
    for (const int64_t stride : system.crop_strides)
      names.push_back(cat("features_", stride));
  return names;
}

[[noreturn]] void refuse_part(const std::string& part, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::unsupported, {.where = part,
                                       .found = found,
                                       .allowed = cat(allowed, ", as the metadata says"),
                                       .next = "The file's metadata belong to another network"});
}

/// Throws where an output has another shape than what joins the parts reads; -1 is any size.
void expect_output(const Graph& graph, size_t index, const Shape& expected) {
  const Output& output = graph.outputs().at(index);
  const Shape& shape = graph.shape(output.value);
  const auto fits = [](int64_t found, int64_t wanted) { return wanted < 0 || found < 0 || found == wanted; };
  if (!std::equal(shape.begin(), shape.end(), expected.begin(), expected.end(), fits))
    refuse_part(output.name, to_string(shape), to_string(expected));
}

/// The crops that a branch may read, by name.
std::vector<std::string> crop_names(const SsdSystem& system, const BranchSystem& branch) {
  std::vector<std::string> names;
  for (const int64_t stride : system.crop_strides)
    names.push_back(cat(branch.name, ".crop_", stride));
  if (system.box_conditioned) names.push_back(branch.name + ".crop_box");
  return names;
}

/// One segmentation branch: its part of the graph, and which of its crops that reads.
struct Branch {
  Branch(const Model& model, const SsdSystem& ssd, const BranchSystem& branch, const EngineOptions& options)
      : system(branch), part(model, {branch.name + ".masks"}, options, branch.most_boxes) {
    const Graph graph = part_of(model.graph, {branch.name + ".masks"});
    const auto classes = static_cast<int64_t>(model.info.classes.size());
    expect_output(graph, 0, {-1, ssd.class_specific_masks ? classes : 1, -1, -1});
    const std::vector<std::string> crops = crop_names(ssd, branch);
    for (const Input& input : graph.inputs()) {
      const auto found = std::find(crops.begin(), crops.end(), input.name);
      if (found == crops.end()) refuse_part(branch.name, cat("it reads '", input.name, "'"), join(crops));
      inputs.push_back(static_cast<size_t>(found - crops.begin()));
    }
  }

  const BranchSystem& system;
  BatchedPart part;
  std::vector<size_t> inputs;  ///< indices into crop_names()
};

/// The mask of a box, in cells of its region.
struct CellMask {
  Tensor owner;
  std::span<const float> values;  ///< empty: the box went to no branch
  Extent grid;
  Box region;  ///< in pixels of the network's input
};

class SsdJoins : public InstanceJoins {
 public:
  SsdJoins(const Model& model, const PredictOptions& options, const InstanceChoice& choice)
      : model_(model),
        system_(std::get<SsdSystem>(model.info.instance)),
        choice_(choice),
        size_(fixed_size(model, options)),
        threads_(options.engine.threads > 0 ? options.engine.threads : omp_get_num_procs()),
        masks_(choice.masks && !system_.branches.empty()),
        trunk_graph_(part_of(model.graph, trunk_outputs(system_, masks_))),
        trunk_(trunk_graph_, model.weights, options.engine),
        anchors_(anchors_of(system_.anchors, predicted_maps(trunk_graph_, extent()), extent())),
        selection_(system_.selection) {
    expect_output(trunk_graph_, 0, {-1, -1, 4});
    expect_output(trunk_graph_, 1, {-1, -1, static_cast<int64_t>(model.info.classes.size()) + 1});
    selection_.score_threshold = std::max(selection_.score_threshold, choice.least_score);
    if (choice.most > 0) selection_.total = std::min(selection_.total, choice.most);
    std::sort(choice_.classes.begin(), choice_.classes.end());
    choice_.classes.erase(std::unique(choice_.classes.begin(), choice_.classes.end()), choice_.classes.end());
    for (const int64_t stride : system_.crop_strides)
      if (stride < 1 || branch_stride % stride != 0)
        refuse_part("crops", cat("a map of stride ", stride), cat("a divisor of ", branch_stride));
    if (masks_ && system_.crop_strides.empty()) refuse_part("crops", "none", "maps that branches see");
    if (masks_)
      for (const BranchSystem& branch : system_.branches)
        branches_.push_back(std::make_unique<Branch>(model, system_, branch, options.engine));
  }

  std::vector<FoundInstance> find(const ReducedView& picture, PredictSeconds& seconds) const override {
    const ThreadScope scope(threads_);
    spread_threads();
    Clock::time_point start = Clock::now();
    const Tensor input = resized_input(picture, model_.info.preprocessing, size_.height, size_.width,
                                       system_.smooth_resize ? Interpolation::smooth : Interpolation::linear);
    seconds.preprocess += seconds_since(start);

    start = Clock::now();
    const std::vector<Tensor> outputs = trunk_.run({input});
    const std::vector<Detection> detections = chosen(outputs[0], outputs[1]);
    const std::vector<CellMask> masks = masks_of(detections, outputs);
    seconds.network += seconds_since(start);

    start = Clock::now();
    std::vector<FoundInstance> found = in_picture(detections, masks, picture.size);
    seconds.postprocess += seconds_since(start);
    return found;
  }

  ImageSize input_size() const override { return size_; }
  bool has_masks() const override { return masks_; }

 private:
  Extent extent() const { return {size_.height, size_.width}; }

  /// Classes that nobody asked for take no part in the choice.
  std::vector<Detection> chosen(const Tensor& codes, const Tensor& logits) const {
    Tensor scores = class_scores(logits, system_.softmax_scores);
    const int64_t classes = scores.size(2), anchors = scores.size(1);
    if (anchors != static_cast<int64_t>(anchors_.size()))
      refuse_part("class_logits", cat(anchors, " anchors"), cat(anchors_.size()));
    std::vector<int64_t> wanted = choice_.classes;
    if (wanted.empty()) {
      wanted.resize(static_cast<size_t>(classes));
      std::iota(wanted.begin(), wanted.end(), 0);
    } else {
      scores = columns_of(scores, wanted);
    }
    const auto columns = static_cast<int64_t>(wanted.size());
    std::vector<Detection> found =
        choose_boxes(codes.reshaped({anchors, 4}), scores.reshaped({anchors, columns}), anchors_,
                     system_.coding, selection_, extent());
    for (Detection& detection : found)
      detection.class_index = wanted[static_cast<size_t>(detection.class_index)];
    return found;
  }

  static Tensor columns_of(const Tensor& scores, const std::vector<int64_t>& columns) {
    const int64_t rows = scores.size(1), classes = scores.size(2);
    const auto count = static_cast<int64_t>(columns.size());
    Tensor some = Tensor::empty(DataType::f32, {1, rows, count});
    const float* from = scores.data<float>().data();
    float* to = some.data<float>().data();
    for (int64_t row = 0; row < rows; ++row)
      for (const int64_t column : columns)
        *to++ = from[row * classes + column];
    return some;
  }

  /// The boxes whose cells are cropped: those found, or the anchors that they come from.
  std::vector<Box> cropped_boxes(const std::vector<Detection>& detections) const {
    std::vector<Box> boxes;
    for (const Detection& detection : detections)
      boxes.push_back(system_.from_anchors ? anchors_[static_cast<size_t>(detection.source)] : detection.box);
    return boxes;
  }

  std::vector<CellMask> masks_of(const std::vector<Detection>& detections,
                                 const std::vector<Tensor>& outputs) const {
    std::vector<CellMask> masks(detections.size());
    if (!masks_ || detections.empty()) return masks;
    const std::vector<Box> boxes = cropped_boxes(detections);
    const std::vector<std::vector<int64_t>> taken = assign_branches(boxes, system_, extent());
    for (size_t b = 0; b < branches_.size(); ++b)
      if (!taken[b].empty()) run_branch(*branches_[b], detections, boxes, taken[b], outputs, masks);
    return masks;
  }

  void run_branch(const Branch& branch, const std::vector<Detection>& detections,
                  const std::vector<Box>& boxes, const std::vector<int64_t>& taken,
                  const std::vector<Tensor>& outputs, std::vector<CellMask>& masks) const {
    std::vector<Box> own, regions;
    for (const int64_t i : taken) {
      own.push_back(boxes[static_cast<size_t>(i)]);
      regions.push_back(region_of(own.back(), system_, extent()));
    }
    const auto inputs = [&](int64_t first, int64_t rows) {
      const auto from = static_cast<size_t>(first), count = static_cast<size_t>(rows);
      return crops_of(branch, std::span(own).subspan(from, count), std::span(regions).subspan(from, count),
                      outputs);
    };
    const auto use = [&](int64_t first, const std::vector<Tensor>& said) {
      for (int64_t r = 0; r < said[0].size(0); ++r) {
        const auto row = static_cast<size_t>(first + r), index = static_cast<size_t>(taken[row]);
        masks[index] = cell_mask(said[0], r, detections[index].class_index, regions[row]);
      }
    };
    branch.part.run(static_cast<int64_t>(taken.size()), inputs, use);
  }

  CellMask cell_mask(const Tensor& masks, int64_t row, int64_t class_index, const Box& region) const {
    const Extent grid{masks.size(2), masks.size(3)};
    const int64_t cells = grid.height * grid.width, column = system_.class_specific_masks ? class_index : 0;
    return {.owner = masks,
            .values = masks.data<float>().subspan(static_cast<size_t>((row * masks.size(1) + column) * cells),
                                                  static_cast<size_t>(cells)),
            .grid = grid,
            .region = region};
  }

  std::vector<Tensor> crops_of(const Branch& branch, std::span<const Box> boxes, std::span<const Box> regions,
                               const std::vector<Tensor>& outputs) const {
    constexpr size_t first_map = 2;    // behind codes and logits
    const auto crop = [&](size_t i) {  // in the order of crop_names()
      if (i < system_.crop_strides.size())
        return branch_crops(outputs[first_map + i], system_.crop_strides[i], regions, {}, branch.system,
                            extent());
      const int64_t scale = branch_stride / system_.crop_strides.back();
      return box_coverage(boxes, regions, {branch.system.height * scale, branch.system.width * scale});
    };
    std::vector<Tensor> inputs;
    for (const size_t i : branch.inputs)
      inputs.push_back(crop(i));
    return inputs;
  }

  std::vector<FoundInstance> in_picture(const std::vector<Detection>& detections,
                                        const std::vector<CellMask>& masks, ImageSize picture) const {
    const double x_scale = static_cast<double>(picture.width) / static_cast<double>(size_.width);
    const double y_scale = static_cast<double>(picture.height) / static_cast<double>(size_.height);
    const Extent whole{picture.height, picture.width};
    std::vector<FoundInstance> found(detections.size());
    parallel_for(static_cast<int64_t>(found.size()), 1, [&](int64_t i) {
      const Detection& detection = detections[static_cast<size_t>(i)];
      const CellMask& mask = masks[static_cast<size_t>(i)];
      FoundInstance& instance = found[static_cast<size_t>(i)];
      instance = {.box = scaled(detection.box, x_scale, y_scale),
                  .class_index = detection.class_index,
                  .score = detection.score,
                  .mask = {}};
      if (!mask.values.empty())
        instance.mask = paste_rle(mask.values, mask.grid, scaled(mask.region, x_scale, y_scale), instance.box,
                                  whole, {.threshold = system_.mask_threshold, .fades = false});
    });
    return found;
  }

  const Model& model_;
  const SsdSystem& system_;
  InstanceChoice choice_;
  ImageSize size_;
  int threads_;
  bool masks_;
  Graph trunk_graph_;
  Engine trunk_;
  std::vector<Box> anchors_;
  BoxSelection selection_;
  std::vector<std::unique_ptr<Branch>> branches_;
};

}  // namespace

std::unique_ptr<InstanceJoins> make_ssd_joins(const Model& model, const PredictOptions& options,
                                              const InstanceChoice& choice) {
  return std::make_unique<SsdJoins>(model, options, choice);
}

}  // namespace vitrail
