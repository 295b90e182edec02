#include <algorithm>
#include <optional>

#include <ATen/Parallel.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/instance_loader.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/predicted_maps.h"
#include "vitrail/engine/engine.h"
#include "vitrail/train/branch_batches.h"
#include "vitrail/train/instance_task.h"
#include "vitrail/train/setup.h"

namespace vitrail::train {
namespace {

constexpr double single_branch_weight = 30, several_branches_weight = 150;  // the thesis's (SPEC 11.3)

std::vector<std::string> trunk_outputs(const SsdSystem& system) {
  std::vector<std::string> names{"box_codes", "class_logits"};
  for (const int64_t stride : system.crop_strides)
    names.push_back(cat("features_", stride));
  return names;
}

/// The trunk of the network. Where nothing in it changes its gradients are never wanted, and the engine runs
/// it, which is several times as fast.
class Trunk {
 public:
  Trunk(const Module& whole, const SsdSystem& system)
      : module_(whole.part(trunk_outputs(system))), strides_(system.crop_strides) {
    if (!module_.changes())
      engine_.emplace(module_.graph(), module_.weights(), EngineOptions{.threads = at::get_num_threads()});
  }

  bool learns() const { return !engine_; }
  const Graph& graph() const { return module_.graph(); }

  struct Result {
    at::Tensor codes, logits;
    std::map<int64_t, at::Tensor> features;  ///< by stride
  };
  Result operator()(const Tensor& images, uint64_t dropout_seed) {
    std::vector<at::Tensor> values;
    if (engine_) {
      for (const Tensor& value : engine_->run({images}))
        values.push_back(to_torch(value));
    } else {
      module_.train(true);
      module_.set_dropout_seed(dropout_seed);
      for (const auto& [name, value] : module_.forward({to_torch(images)}))
        values.push_back(value);
    }
    Result result{values.at(0), values.at(1), {}};
    for (size_t i = 0; i < strides_.size(); ++i)
      result.features[strides_[i]] = values.at(2 + i);
    return result;
  }

 private:
  Module module_;
  std::vector<int64_t> strides_;
  std::optional<Engine> engine_;
};

/// The branches' parameters that learn, as rows: the same parameter of every branch.
std::vector<std::vector<at::Tensor>> parallel_parameters(const Module& whole, const SsdSystem& system) {
  std::map<std::string, std::vector<at::Tensor>> rows;
  const NamedTensors learnable = whole.learnable();
  for (const BranchSystem& branch : system.branches)
    for (const auto& [name, tensor] : learnable)
      if (name.starts_with(branch.name + ".")) rows[name.substr(branch.name.size())].push_back(tensor);
  std::vector<std::vector<at::Tensor>> result;
  for (auto& [suffix, row] : rows) {
    const bool alike = std::all_of(row.begin(), row.end(),
                                   [&](const at::Tensor& each) { return each.sizes() == row[0].sizes(); });
    if (!alike || row.size() != system.branches.size())
      throw Error(ErrorKind::usage, {.where = "train.shared_steps",
                                     .found = cat("parameter '*", suffix, "' differs from branch to branch"),
                                     .allowed = "branches of one kernel, depth and decoder",
                                     .next = "Leave train.shared_steps out"});
    result.push_back(std::move(row));
  }
  return result;
}

/// SSD with segmentation branches, or without.
class SsdTask : public InstanceTask {
 public:
  using InstanceTask::InstanceTask;

  void prepare(const Model& model, Module& module, const GoOn&) override {
    if (!std::holds_alternative<SsdSystem>(model.info.instance))
      throw Error(ErrorKind::unsupported, {.where = network_name(recipe_),
                                           .found = "an instance segmentation network that is no SSD",
                                           .allowed = "ssd-mobilenet*, ssd300-vgg16"});
    model_ = &model;
    module_ = &module;
    system_ = std::get<SsdSystem>(model.info.instance);
    const Preprocessing& p = model.info.preprocessing;
    size_ = {p.height, p.width};
    trunk_.emplace(module, system_);
    anchors_ = anchors_of(system_.anchors, predicted_maps(trunk_->graph(), size_), size_);
    loss_.emplace(system_, anchors_, ssd_loss_options(recipe_));
    for (const BranchSystem& branch : system_.branches)
      branches_.push_back(module.part({branch.name + ".masks"}));
    mask_weight_ = recipe_.instances.masks;
    if (mask_weight_ < 0)
      mask_weight_ = branches_.size() > 1 ? several_branches_weight : single_branch_weight;
    if (recipe_.instances.shared_steps > 0) parallel_ = parallel_parameters(module, system_);
  }

  void start(int64_t first) override {
    if (first == 0) share_values();
    loader_.emplace(*data_.train,
                    InstanceAugment{.common = recipe_.augment, .boxes = recipe_.box_augment, .size = size_},
                    model_->info.preprocessing, loader_options(recipe_), first);
  }

  PassLoss pass(uint64_t dropout_seed) override {
    const InstanceBatch batch = loader_->next();
    const Trunk::Result trunk = (*trunk_)(batch.images, dropout_seed);
    LossValue value{at::zeros({}), {}};
    if (trunk_->learns()) value = (*loss_)(trunk.codes, trunk.logits, objects_of(batch));
    if (mask_weight_ > 0 && !branches_.empty()) {
      const at::Tensor masks = mask_loss_of(batch, trunk, dropout_seed);
      value.total = value.total + mask_weight_ * masks;
      value.parts.emplace_back("masks", masks.detach());
    }
    // A batch without objects has nothing to teach a frozen trunk's branches.
    if (!value.total.requires_grad()) value.total = value.total.set_requires_grad(true);
    return {std::move(value), batch.names};
  }

  void before_update(int64_t step) override {
    if (step >= recipe_.instances.shared_steps) return;
    for (const std::vector<at::Tensor>& row : parallel_) {
      at::Tensor sum;
      for (const at::Tensor& each : row)
        if (each.grad().defined()) sum = sum.defined() ? sum + each.grad() : each.grad().clone();
      if (!sum.defined()) continue;
      for (const at::Tensor& each : row)
        each.mutable_grad() = sum.clone();
    }
  }

 private:
  static std::vector<SsdObjects> objects_of(const InstanceBatch& batch) {
    std::vector<SsdObjects> all;
    for (const std::vector<Instance>& instances : batch.instances) {
      SsdObjects& one = all.emplace_back();
      for (const Instance& each : instances) {
        (each.crowd ? one.crowds : one.boxes).push_back(each.box);
        if (!each.crowd) one.classes.push_back(each.class_index);
      }
    }
    return all;
  }

  at::Tensor mask_loss_of(const InstanceBatch& batch, const Trunk::Result& trunk, uint64_t seed) {
    Random random(seed);
    const std::vector<BranchBatch> batches = branch_batches(
        batch.instances, system_, size_, anchors_,
        {.box_jitter = recipe_.instances.box_jitter, .outside = recipe_.instances.mask_outside}, random);
    std::vector<at::Tensor> logits;
    for (const BranchBatch& each : batches) {
      Module& branch = branches_[each.branch];
      branch.train(true);
      branch.set_dropout_seed(seed);
      logits.push_back(branch.forward(branch_inputs(each, system_, trunk.features, size_)).front().second);
    }
    return mask_loss(batches, logits, mask_mean_from(recipe_.instances.mask_mean));
  }

  /// All branches begin as the first one.
  void share_values() {
    const torch::NoGradGuard no_gradients;
    for (std::vector<at::Tensor>& row : parallel_)
      for (at::Tensor& each : row)
        each.copy_(row[0]);
  }

  Module* module_ = nullptr;
  SsdSystem system_;
  Extent size_;
  std::optional<Trunk> trunk_;
  std::vector<Box> anchors_;
  std::optional<SsdLoss> loss_;
  std::vector<Module> branches_;
  std::vector<std::vector<at::Tensor>> parallel_;  // empty unless branches share
  double mask_weight_ = 0;
  std::optional<InstanceLoader> loader_;
};

}  // namespace

std::unique_ptr<Task> make_ssd_task(const Recipe& recipe) {
  return std::make_unique<SsdTask>(recipe);
}

}  // namespace vitrail::train
