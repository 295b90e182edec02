// Mask R-CNN (SPEC 10), and the Pixel Voting Decoder's masks on it (SPEC 9.1):
//   picture -> trunk -> proposals -> crops -> boxes -> crops -> masks -> picture

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <map>
#include <span>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/nms.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/roi.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/batched_part.h"
#include "vitrail/predict/instance_joins.h"
#include "vitrail/predict/rcnn_input.h"
#include "vitrail/predict/rcnn_parts.h"
#include "vitrail/predict/voted_masks.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t most_crop_bytes = int64_t{32} << 20;  // alive at once
constexpr int64_t most_rows = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What the trunk says about one picture.
struct Seen {
  Extent size;   // of the picture in the network's input
  Extent input;  // with what is padded
  std::map<std::string, Tensor> outputs;
};

// Masks in pixels of the network's input.
struct BoxMask {
  Tensor owner;
  std::span<const float> values;  // logits
  Extent grid;
  Box region;
};

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

class RcnnJoins : public InstanceJoins {
 public:
  RcnnJoins(const Model& model, const PredictOptions& options, const InstanceChoice& choice)
      : model_(model),
        system_(std::get<RcnnSystem>(model.info.instance)),
        choice_(choice),
        fixed_{options.input_size[0], options.input_size[1]},
        threads_(options.engine.threads > 0 ? options.engine.threads : omp_get_num_procs()),
        trunk_names_(rcnn_trunk_outputs(system_, choice.masks)),
        trunk_(part_of(model.graph, trunk_names_), model.weights, options.engine),
        boxes_(model, {"class_logits", "box_codes"}, options.engine, rows_of_crops("box_crops")),
        crop_masks_(model, {system_.voting() ? "seed_logits" : "mask_logits"}, options.engine,
                    rows_of_crops("mask_crops")),
        selection_(system_.detections) {
    selection_.score_threshold = std::max(selection_.score_threshold, choice.least_score);
    if (choice.most > 0) selection_.total = std::min(selection_.total, choice.most);
    if (!system_.voting() || !choice.masks) return;
    const Graph part = part_of(model.graph, {"mask_logits"});
    for (const Input& input : part.inputs())
      voting_inputs_.push_back(input.name);
    voting_ = std::make_unique<Engine>(part, model.weights, options.engine);
  }

  std::vector<FoundInstance> find(const ReducedView& picture, PredictSeconds& seconds) const override {
    const ThreadScope scope(threads_);
    Clock::time_point start = Clock::now();
    const Extent whole{picture.size.height, picture.size.width};
    Seen seen{.size = fixed_.height > 0 ? fixed_ : rcnn_size(whole, system_), .input = {}, .outputs = {}};
    const Tensor input = rcnn_input(picture, model_.info, seen.size);
    seen.input = {input.size(2), input.size(3)};
    seconds.preprocess += seconds_since(start);

    start = Clock::now();
    look(input, seen);
    const std::vector<Detection> detections = found_boxes(seen, proposals(seen));
    const std::vector<BoxMask> masks = masks_of(seen, detections);
    seconds.network += seconds_since(start);

    start = Clock::now();
    std::vector<FoundInstance> found = in_picture(seen, detections, masks, whole);
    seconds.postprocess += seconds_since(start);
    return found;
  }

  ImageSize input_size() const override { return {fixed_.height, fixed_.width}; }
  bool has_masks() const override { return choice_.masks; }

 private:
  void look(const Tensor& input, Seen& seen) const {
    std::vector<Tensor> outputs = trunk_.run({input});
    for (size_t i = 0; i < outputs.size(); ++i)
      seen.outputs[trunk_names_[i]] = std::move(outputs[i]);
  }

  int64_t rows_of_crops(const char* input) const {
    for (const Input& each : model_.graph.inputs())
      if (each.name == input) {
        const Shape& shape = model_.graph.shape(each.value);
        const int64_t bytes = shape.at(1) * shape.at(2) * shape.at(3) * size_of(DataType::f32);
        return std::clamp<int64_t>(most_crop_bytes / std::max<int64_t>(bytes, 1), 1, most_rows);
      }
    throw Error(
        ErrorKind::unsupported,
        {.where = "prediction", .found = cat("a network of region proposals without the input ", input)});
  }

  std::vector<Box> proposals(const Seen& seen) const {
    RpnRows rows;
    for (const int64_t stride : system_.proposal_strides) {
      rows.objectness.push_back(seen.outputs.at(cat("objectness_", stride)).data<float>());
      rows.codes.push_back(seen.outputs.at(cat("rpn_codes_", stride)).data<float>());
    }
    return rcnn_proposals(rows, rcnn_anchors(system_, seen.input), system_, system_.proposals, seen.size);
  }

  // The crops of rows [first, first + rows) of `boxes`.
  std::vector<Tensor> crops(const Seen& seen, const std::vector<Box>& boxes, int64_t side, int64_t first,
                            int64_t rows) const {
    std::vector<Tensor> maps;
    for (const int64_t stride : system_.strides)
      maps.push_back(seen.outputs.at(cat("features_", stride)));
    return {roi_crops(maps, std::span(boxes).subspan(static_cast<size_t>(first), static_cast<size_t>(rows)),
                      {}, system_, side, seen.input)};
  }

  std::vector<Detection> found_boxes(const Seen& seen, const std::vector<Box>& proposals) const {
    const auto count = static_cast<int64_t>(proposals.size()),
               classes = static_cast<int64_t>(model_.info.classes.size());
    if (count == 0) return {};
    const int64_t columns = system_.class_specific_boxes ? classes : 1;
    Tensor scores = Tensor::empty(DataType::f32, {count, classes});
    Tensor codes = Tensor::empty(DataType::f32, {count, columns, 4});
    boxes_.run(
        count,
        [&](int64_t first, int64_t rows) { return crops(seen, proposals, system_.box_crop, first, rows); },
        [&](int64_t first, const std::vector<Tensor>& outputs) {
          take_scores(outputs[0], first, scores);
          take_codes(outputs[1], first, codes);
        });
    return choose_boxes(columns == 1 ? codes.reshaped({count, 4}) : codes, scores, proposals,
                        system_.box_coding, selection_, seen.size, system_.smallest_detection);
  }

  // Classes that nobody asked for take no part in the choice: no threshold lets a negative score pass.
  void take_scores(const Tensor& logits, int64_t first, Tensor& scores) const {
    const Tensor of_batch = class_scores(logits, true);
    const int64_t classes = scores.size(1);
    if (of_batch.size(1) != classes)
      throw Error(ErrorKind::unsupported, {.where = "class_logits",
                                           .found = cat(of_batch.size(1), " classes"),
                                           .allowed = cat(classes, ", as the metadata says")});
    const float* from = of_batch.data<float>().data();
    float* to = scores.data<float>().data() + first * classes;
    for (int64_t i = 0; i < of_batch.elements(); ++i)
      to[i] = is_wanted(i % classes) ? from[i] : -1.0f;
  }

  bool is_wanted(int64_t class_index) const {
    return choice_.classes.empty() ||
           std::find(choice_.classes.begin(), choice_.classes.end(), class_index) != choice_.classes.end();
  }

  // Without the background's.
  void take_codes(const Tensor& of_batch, int64_t first, Tensor& codes) const {
    const int64_t numbers = codes.size(1) * 4,
                  skipped = system_.background_columns && system_.class_specific_boxes ? 4 : 0;
    if (of_batch.size(1) != numbers + skipped)
      throw Error(ErrorKind::unsupported, {.where = "box_codes",
                                           .found = cat(of_batch.size(1), " numbers per box"),
                                           .allowed = cat(numbers + skipped, ", as the metadata says")});
    for (int64_t row = 0; row < of_batch.size(0); ++row)
      std::copy_n(of_batch.data<float>().data() + row * (numbers + skipped) + skipped, numbers,
                  codes.data<float>().data() + (first + row) * numbers);
  }

  std::vector<BoxMask> masks_of(const Seen& seen, const std::vector<Detection>& detections) const {
    if (!choice_.masks || detections.empty()) return {};
    return system_.voting() ? voted_masks(seen, detections) : cropped_masks(seen, detections);
  }

  static std::vector<Box> boxes_of(const std::vector<Detection>& detections) {
    std::vector<Box> boxes;
    for (const Detection& detection : detections)
      boxes.push_back(detection.box);
    return boxes;
  }

  std::vector<BoxMask> cropped_masks(const Seen& seen, const std::vector<Detection>& detections) const {
    const std::vector<Box> boxes = boxes_of(detections);
    std::vector<BoxMask> masks;
    crop_masks_.run(
        std::ssize(boxes),
        [&](int64_t first, int64_t rows) { return crops(seen, boxes, system_.mask_crop, first, rows); },
        [&](int64_t first, const std::vector<Tensor>& outputs) {
          const Tensor& logits = outputs[0];
          for (int64_t row = 0; row < logits.size(0); ++row)
            masks.push_back(mask_of(logits, row, detections[static_cast<size_t>(first + row)]));
        });
    return masks;
  }

  BoxMask mask_of(const Tensor& logits, int64_t row, const Detection& detection) const {
    const int64_t columns = logits.size(1), cells = logits.size(2) * logits.size(3);
    const int64_t column =
        system_.class_specific_masks ? detection.class_index + (system_.background_columns ? 1 : 0) : 0;
    const auto start = static_cast<size_t>((row * columns + column) * cells);
    return {.owner = logits,
            .values = logits.data<float>().subspan(start, static_cast<size_t>(cells)),
            .grid = {logits.size(2), logits.size(3)},
            .region = detection.box};
  }

  std::vector<BoxMask> voted_masks(const Seen& seen, const std::vector<Detection>& detections) const {
    const std::vector<Box> boxes = boxes_of(detections);
    const Tensor scores = seed_scores(seen, boxes, detections);
    std::vector<Tensor> inputs;
    for (const std::string& name : voting_inputs_)
      inputs.push_back(name == "seeds" ? seeds(seen, scores, boxes) : seen.outputs.at(voting_output(name)));
    const Tensor logits = voting_->run(inputs).at(0);
    const Extent grid{logits.size(2), logits.size(3)};
    const size_t cells = static_cast<size_t>(grid.height * grid.width);
    std::vector<BoxMask> masks;
    for (size_t k = 0; k < boxes.size(); ++k)
      masks.push_back({.owner = logits,
                       .values = logits.data<float>().subspan(k * cells, cells),
                       .grid = grid,
                       .region = voted_region(grid, seen.input.height / grid.height)});
    return masks;
  }

  // The class head's logits of each object's class, on the cells of its crop: [objects, side, side].
  Tensor seed_scores(const Seen& seen, const std::vector<Box>& boxes,
                     const std::vector<Detection>& detections) const {
    Tensor scores;
    crop_masks_.run(
        std::ssize(boxes),
        [&](int64_t first, int64_t rows) { return crops(seen, boxes, system_.mask_crop, first, rows); },
        [&](int64_t first, const std::vector<Tensor>& outputs) {
          const Tensor& logits = outputs[0];
          const int64_t side = logits.size(2), columns = logits.size(1);
          if (!scores.defined()) scores = Tensor::empty(DataType::f32, {std::ssize(boxes), side, side});
          for (int64_t row = 0; row < logits.size(0); ++row) {
            const int64_t column = detections[static_cast<size_t>(first + row)].class_index + 1;
            std::copy_n(logits.data<float>().data() + (row * columns + column) * side * side, side * side,
                        scores.data<float>().data() + (first + row) * side * side);
          }
        });
    return scores;
  }

  // A channel for each object; their number is rounded up to a power of two, for which there is a program.
  Tensor seeds(const Seen& seen, const Tensor& scores, const std::vector<Box>& boxes) const {
    const int64_t stride = system_.voting_units.front().stride;
    return placed_seeds(scores, boxes, {seen.input.height / stride, seen.input.width / stride}, stride,
                        static_cast<int64_t>(std::bit_ceil(boxes.size())));
  }

  std::vector<FoundInstance> in_picture(const Seen& seen, const std::vector<Detection>& detections,
                                        const std::vector<BoxMask>& masks, Extent picture) const {
    const double x_scale = static_cast<double>(picture.width) / static_cast<double>(seen.size.width);
    const double y_scale = static_cast<double>(picture.height) / static_cast<double>(seen.size.height);
    std::vector<FoundInstance> found(detections.size());
    parallel_for(std::ssize(found), 1, [&](int64_t i) {
      const Detection& detection = detections[static_cast<size_t>(i)];
      FoundInstance& instance = found[static_cast<size_t>(i)];
      instance = {.box = scaled(detection.box, x_scale, y_scale),
                  .class_index = detection.class_index,
                  .score = detection.score,
                  .mask = {}};
      if (masks.empty()) return;
      const BoxMask& mask = masks[static_cast<size_t>(i)];
      instance.mask = pasted(mask, scaled(mask.region, x_scale, y_scale), instance.box, picture);
    });
    return found;
  }

  // Votes go on to the edge of the picture; the mask of a crop fades outside of it.
  Rle pasted(const BoxMask& mask, const Box& region, const Box& inside, Extent picture) const {
    std::vector<float> probabilities(mask.values.size());
    std::transform(mask.values.begin(), mask.values.end(), probabilities.begin(), sigmoid);
    return paste_rle(probabilities, mask.grid, region, inside, picture,
                     {.threshold = system_.mask_threshold,
                      .fades = !system_.voting(),
                      .torchvision = system_.torchvision});
  }

  const Model& model_;
  const RcnnSystem& system_;
  InstanceChoice choice_;
  Extent fixed_;
  int threads_;
  std::vector<std::string> trunk_names_;
  Engine trunk_;
  BatchedPart boxes_, crop_masks_;
  std::vector<std::string> voting_inputs_;
  std::unique_ptr<Engine> voting_;
  BoxSelection selection_;
};

}  // namespace

std::unique_ptr<InstanceJoins> make_rcnn_joins(const Model& model, const PredictOptions& options,
                                               const InstanceChoice& choice) {
  return std::make_unique<RcnnJoins>(model, options, choice);
}

}  // namespace vitrail
