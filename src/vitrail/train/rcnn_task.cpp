// Training Mask R-CNN (SPEC 10.1), and the Pixel Voting Decoder's masks on it: trunk -> proposals -> crops ->
// boxes -> crops -> masks, each part a Module of its own that shares the whole's tensors.

#include <algorithm>
#include <map>
#include <optional>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/rcnn_parts.h"
#include "vitrail/train/instance_task.h"
#include "vitrail/train/rcnn_batches.h"
#include "vitrail/train/rcnn_crops.h"
#include "vitrail/train/rcnn_losses.h"
#include "vitrail/train/setup.h"
#include "vitrail/train/voted_masks.h"

namespace vitrail::train {
namespace {

using Values = std::map<std::string, at::Tensor>;

class RcnnTask : public InstanceTask {
 public:
  using InstanceTask::InstanceTask;

  void prepare(const Model& model, Module& module, const GoOn&) override {
    model_ = &model;
    system_ = std::get<RcnnSystem>(model.info.instance);
    options_ = rcnn_loss_options(recipe_);
    trunk_.emplace(module.part(rcnn_trunk_outputs(system_, true)));
    boxes_.emplace(module.part({"class_logits", "box_codes"}));
    masks_.emplace(module.part({system_.voting() ? "seed_logits" : "mask_logits"}));
    if (system_.voting()) voting_.emplace(module.part({"mask_logits"}));
  }

  void start(int64_t first) override {
    loader_.emplace(*data_.train, model_->info, recipe_.augment, loader_options(recipe_), first);
  }

  PassLoss pass(uint64_t dropout_seed) override {
    const RcnnBatch batch = loader_->next();
    Random random(dropout_seed);
    const std::vector<RcnnObjects> objects = rcnn_objects(batch.instances);
    const Extent input{batch.images.size(2), batch.images.size(3)};
    const Values seen = run(*trunk_, {to_torch(batch.images)}, dropout_seed);
    const std::vector<Box> anchors = rcnn_anchors(system_, input);
    const at::Tensor objectness = joined(seen, "objectness_"), codes = joined(seen, "rpn_codes_");
    LossValue value = proposal_loss(objectness, codes, anchors, objects, system_, options_, random);
    const RoiBatch rois = sampled_rois(proposals(seen, anchors, batch.sizes), objects, options_, random);
    if (!rois.boxes.empty()) {
      const Values said = run(*boxes_, {crops(seen, rois, system_.box_crop, input)}, dropout_seed);
      add(value, box_loss(said.at("class_logits"), said.at("box_codes"), rois, objects, system_, options_));
    }
    const RoiBatch with_objects = rois.with_objects();
    if (options_.masks > 0 && !with_objects.boxes.empty()) {
      const at::Tensor masks = system_.voting()
                                   ? voted_loss(seen, with_objects, objects, input, dropout_seed)
                                   : cropped_loss(seen, with_objects, objects, input, dropout_seed);
      add(value, {options_.masks * masks, {{"masks", masks.detach()}}});
    }
    return {std::move(value), batch.names};
  }

 private:
  static void add(LossValue& sum, const LossValue& more) {
    sum.total = sum.total + more.total;
    sum.parts.insert(sum.parts.end(), more.parts.begin(), more.parts.end());
  }

  static Values run(Module& part, const std::vector<at::Tensor>& inputs, uint64_t seed) {
    part.train(true);
    part.set_dropout_seed(seed);
    Values values;
    for (const auto& [name, value] : part.forward(inputs))
      values[name] = value;
    return values;
  }

  // One output of every level, level after level.
  at::Tensor joined(const Values& seen, const char* prefix) const {
    std::vector<at::Tensor> levels;
    for (const int64_t stride : system_.proposal_strides)
      levels.push_back(seen.at(cat(prefix, stride)));
    return at::cat(levels, 1);
  }

  std::vector<std::vector<Box>> proposals(const Values& seen, const std::vector<Box>& anchors,
                                          const std::vector<Extent>& sizes) const {
    Values host;
    for (const int64_t stride : system_.proposal_strides)
      for (const std::string& name : {cat("objectness_", stride), cat("rpn_codes_", stride)})
        host[name] = seen.at(name).detach().to(at::kCPU, at::kFloat).contiguous();
    const auto row = [&](const std::string& name, int64_t picture) {
      const at::Tensor& tensor = host.at(name);
      const auto count = static_cast<size_t>(tensor.numel() / tensor.size(0));
      return std::span<const float>(tensor.data_ptr<float>() + picture * static_cast<int64_t>(count), count);
    };
    std::vector<std::vector<Box>> all;
    for (size_t i = 0; i < sizes.size(); ++i) {
      RpnRows rows;
      for (const int64_t stride : system_.proposal_strides) {
        rows.objectness.push_back(row(cat("objectness_", stride), static_cast<int64_t>(i)));
        rows.codes.push_back(row(cat("rpn_codes_", stride), static_cast<int64_t>(i)));
      }
      all.push_back(rcnn_proposals(rows, anchors, system_, system_.training_proposals, sizes[i]));
    }
    return all;
  }

  at::Tensor crops(const Values& seen, const RoiBatch& rois, int64_t side, Extent input) const {
    std::vector<at::Tensor> maps;
    for (const int64_t stride : system_.strides)
      maps.push_back(seen.at(cat("features_", stride)));
    return rcnn_crops(maps, rois.boxes, rois.images, system_, side, input);
  }

  at::Tensor cropped_loss(const Values& seen, const RoiBatch& rois, const std::vector<RcnnObjects>& objects,
                          Extent input, uint64_t seed) {
    const Values said = run(*masks_, {crops(seen, rois, system_.mask_crop, input)}, seed);
    return crop_mask_loss(said.at("mask_logits"), rois, objects, system_);
  }

  at::Tensor voted_loss(const Values& seen, const RoiBatch& rois, const std::vector<RcnnObjects>& objects,
                        Extent input, uint64_t seed) {
    const at::Tensor scores = seed_scores(seen, rois, objects, input, seed);
    at::Tensor sum = at::zeros({}, scores.options());
    for (size_t picture = 0, first = 0; picture < objects.size(); ++picture) {
      RoiBatch own;
      std::vector<Mask> masks;
      for (size_t r = first; r < rois.boxes.size() && rois.images[r] == static_cast<int64_t>(picture); ++r) {
        own.boxes.push_back(rois.boxes[r]);
        masks.push_back(decode_rle(objects[picture].masks[static_cast<size_t>(rois.object[r])]));
      }
      if (own.boxes.empty()) continue;
      const auto count = static_cast<int64_t>(own.boxes.size());
      const at::Tensor logits = voted(seen, scores.narrow(0, static_cast<int64_t>(first), count), own.boxes,
                                      static_cast<int64_t>(picture), input, seed);
      sum = sum + static_cast<double>(count) *
                      voted_mask_loss(logits, own.boxes, masks, input.height / logits.size(2));
      first += own.boxes.size();
    }
    return sum / static_cast<double>(rois.boxes.size());
  }

  // The class head's logits of each object's class, on the cells of its crop: [objects, side, side].
  at::Tensor seed_scores(const Values& seen, const RoiBatch& rois, const std::vector<RcnnObjects>& objects,
                         Extent input, uint64_t seed) {
    const at::Tensor logits =
        run(*masks_, {crops(seen, rois, system_.mask_crop, input)}, seed).at("seed_logits");
    std::vector<int64_t> rows;
    for (size_t r = 0; r < rois.boxes.size(); ++r) {
      const RcnnObjects& picture = objects[static_cast<size_t>(rois.images[r])];
      rows.push_back(static_cast<int64_t>(r) * logits.size(1) +
                     picture.classes[static_cast<size_t>(rois.object[r])] + 1);
    }
    return logits.flatten(0, 1).index_select(0, torch::tensor(rows, at::kLong));
  }

  // Masks of one picture's objects: [1, objects, H/4, W/4].
  at::Tensor voted(const Values& seen, const at::Tensor& scores, const std::vector<Box>& boxes,
                   int64_t picture, Extent input, uint64_t seed) {
    const int64_t stride = system_.voting_units.front().stride;
    std::vector<at::Tensor> inputs;
    for (const Input& each : voting_->graph().inputs()) {
      if (each.name == "seeds") {
        inputs.push_back(placed_seeds(scores, boxes, {input.height / stride, input.width / stride}, stride));
        continue;
      }
      const size_t dot = each.name.find_last_of('.');  // "stage3.votes" is the trunk's "votes_stage3"
      inputs.push_back(
          seen.at(cat(each.name.substr(dot + 1), "_", each.name.substr(0, dot))).narrow(0, picture, 1));
    }
    return run(*voting_, inputs, seed).at("mask_logits");
  }

  RcnnSystem system_;
  RcnnLossOptions options_;
  std::optional<Module> trunk_, boxes_, masks_, voting_;
  std::optional<RcnnLoader> loader_;
};

}  // namespace

std::unique_ptr<Task> make_rcnn_task(const Recipe& recipe) {
  return std::make_unique<RcnnTask>(recipe);
}

}  // namespace vitrail::train
