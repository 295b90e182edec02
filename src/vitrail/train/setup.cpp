#include "vitrail/train/setup.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/fine_tune.h"

namespace vitrail::train {

namespace fs = std::filesystem;

LossOptions loss_options(const Recipe& recipe, std::vector<double> class_weights) {
  LossOptions options;
  options.terms.clear();
  for (const auto& [name, factor] : recipe.loss.terms)
    options.terms.push_back({loss_kind_from(name), factor});
  options.reduction = reduction_from(recipe.loss.reduction);
  options.ignore_index = LabelMap::ignore_label;
  options.class_weights = std::move(class_weights);
  options.label_smoothing = recipe.loss.label_smoothing;
  options.focal_gamma = recipe.loss.focal_gamma;
  options.ohem_threshold = recipe.loss.ohem_threshold;
  options.ohem_min_kept = recipe.loss.ohem_min_kept;
  options.dice_smooth = recipe.loss.dice_smooth;
  options.auxiliary_weight = recipe.loss.auxiliary;
  options.reduce_labels = recipe.loss.reduce_labels;
  options.border = {.strength = recipe.loss.border_weight,
                    .sigma = recipe.loss.border_sigma,
                    .cell = recipe.loss.border_class};
  return options;
}

SsdLossOptions ssd_loss_options(const Recipe& recipe) {
  const Recipe::Instances& from = recipe.instances;
  using Mining = SsdLossOptions::Mining;
  return {.matching = from.matching == "bipartite" ? SsdLossOptions::Matching::bipartite
                                                   : SsdLossOptions::Matching::argmax,
          .mining = from.mining == "none"      ? Mining::none
                    : from.mining == "hardest" ? Mining::hardest
                                               : Mining::suppression,
          .match_iou = from.match_iou,
          .negatives = from.negatives,
          .least_negatives = from.least_negatives,
          .huber_delta = from.huber_delta,
          .box_weight = from.boxes,
          .class_weight = from.classes};
}

RcnnLossOptions rcnn_loss_options(const Recipe& recipe) {
  const Recipe::Instances& from = recipe.instances;
  return {.proposal_samples = from.proposal_samples,
          .proposal_beta = from.smooth_beta,
          .box_samples = from.box_samples,
          .box_beta = from.smooth_beta,
          .objectness = from.objectness,
          .proposal_boxes = from.proposal_boxes,
          .classes = from.classes,
          .boxes = from.boxes,
          .masks = from.masks < 0 ? 1 : from.masks};
}

OptimizerOptions optimizer_options(const Recipe& recipe, const NamedTensors& learnable) {
  const Recipe::Optimizer& from = recipe.optimizer;
  OptimizerOptions options{.kind = optimizer_kind_from(from.name),
                           .momentum = from.momentum,
                           .nesterov = from.nesterov,
                           .weight_decay = from.weight_decay,
                           .beta1 = from.beta1,
                           .beta2 = from.beta2,
                           .alpha = from.rho,
                           .epsilon = from.epsilon,
                           .clip_norm = recipe.train.clip,
                           .no_decay = from.no_decay,
                           .rate_multipliers = {from.rates.begin(), from.rates.end()}};
  if (!from.decay_all)
    for (const auto& [name, tensor] : learnable)
      if (tensor.dim() <= 1) options.no_decay.push_back(name);
  // The optimiser's last match counts; the recipe's longest (most specific) one does.
  std::stable_sort(options.rate_multipliers.begin(), options.rate_multipliers.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  return options;
}

ScheduleOptions schedule_options(const Recipe& recipe) {
  const Recipe::Schedule& from = recipe.schedule;
  return {.kind = schedule_kind_from(from.name),
          .rate = recipe.optimizer.rate,
          .steps = recipe.train.steps,
          .final_rate = recipe.optimizer.rate * from.final_factor,
          .power = from.power,
          .decay = from.decay,
          .decay_steps = from.decay_steps,
          .staircase = from.staircase,
          .milestones = from.milestones,
          .warmup_steps = from.warmup_steps,
          .warmup_start = from.warmup_factor};
}

LoaderOptions loader_options(const Recipe& recipe) {
  return {.batch = recipe.train.batch,
          .seed = recipe.train.seed,
          .threads = static_cast<int>(recipe.data.loader_threads)};
}

namespace {

/// `file` as it stands, or beside the recipe.
fs::path found_beside(const Recipe& recipe, const fs::path& file) {
  const fs::path beside = fs::path(recipe.source).parent_path() / file;
  return !fs::exists(file) && fs::exists(beside) ? beside : file;
}

/// net.mean, net.std and net.order in place of what the network says.
void prepare_as_asked(const Recipe& recipe, Preprocessing& preprocessing) {
  const Recipe::Net& net = recipe.net;
  if (!net.mean.empty()) {
    if (net.mean.size() != preprocessing.mean.size())
      throw Error(ErrorKind::usage,
                  {.where = recipe.source,
                   .found = cat("net.mean has ", net.mean.size(), " values"),
                   .allowed = cat(net.name, " reads ", preprocessing.mean.size(), " channels")});
    preprocessing.mean = net.mean;
    preprocessing.std = net.std;
  }
  if (net.order == "grey")
    throw Error(
        ErrorKind::usage,
        {.where = recipe.source, .found = "net.order is grey", .allowed = cat("rgb or bgr for ", net.name)});
  if (net.order != "file") preprocessing.order = net.order == "bgr" ? ChannelOrder::bgr : ChannelOrder::rgb;
}

Model network_of_file(const Recipe& recipe, const std::vector<ClassInfo>& classes) {
  const Recipe::Net& net = recipe.net;
  return network_from_file(found_beside(recipe, net.from),
                           {.output = net.output,
                            .replace_head = net.replace_head,
                            .mean = net.mean,
                            .std = net.std,
                            .order = net.order,
                            .multiple = net.multiple},
                           classes);
}

}  // namespace

Model network_of(const Recipe& recipe, const std::vector<ClassInfo>& classes) {
  const auto count = static_cast<int64_t>(classes.size());
  if (recipe.net.classes != 0 && recipe.net.classes != count)
    throw Error(ErrorKind::usage,
                {.where = recipe.source,
                 .found = cat("net.classes is ", recipe.net.classes),
                 .allowed = cat("data set '", recipe.data.dataset, "' has ", count, " classes"),
                 .next = "Leave net.classes out, or map the labels with data.label_map"});
  if (!recipe.net.from.empty()) return network_of_file(recipe, classes);
  Model model = build_net(recipe.net.name, {.classes = count, .set = recipe.net.set});
  model.info.classes = classes;
  prepare_as_asked(recipe, model.info.preprocessing);
  return model;
}

fs::path find_pretrained(const Recipe& recipe, const fs::path& place) {
  if (!recipe.net.from.empty()) {
    if (place.empty()) return {};
    throw Error(ErrorKind::usage,
                {.where = recipe.source,
                 .found = cat("--pretrained with the network of ", recipe.net.from),
                 .next = "A model file starts from its own weights: leave --pretrained out"});
  }
  const fs::path wanted = recipe.net.pretrained;
  if (wanted.empty() && place.empty()) return {};
  std::vector<fs::path> tried;
  if (!place.empty() && !fs::is_directory(place)) {
    tried = {place};
  } else {
    const fs::path file = wanted.empty() ? fs::path(find_net(recipe.net.name).pretrained) : wanted;
    if (file.empty()) return {};  // no weights of this network are published: the folder is for others
    if (!place.empty()) tried.push_back(place / file.filename());
    tried.push_back(file);
    tried.push_back(fs::path(recipe.source).parent_path() / file);
  }
  for (const fs::path& path : tried)
    if (fs::is_regular_file(path)) return path;
  std::vector<std::string> names;
  for (const fs::path& path : tried)
    names.push_back(path.string());
  throw Error(ErrorKind::file,
              {.where = recipe.source,
               .found = cat("the pretrained weights are not at ", join(names, " nor at ")),
               .next = "Say where with --pretrained FILE or FOLDER, or start from random weights with "
                       "--set net.pretrained='\"\"'"});
}

namespace {

fs::path found_start(const Recipe& recipe, const std::string& name, const std::string& key) {
  const fs::path file = found_beside(recipe, name);
  if (fs::is_regular_file(file)) return file;
  throw Error(ErrorKind::file,
              {.where = recipe.source,
               .found = cat("there is no model file ", name, " to start from"),
               .next = cat("Run the recipe of the stage before first, or say where its model "
                           "is with --set ",
                           key, "=FILE")});
}

}  // namespace

fs::path find_start(const Recipe& recipe) {
  return recipe.net.start.empty() ? fs::path() : found_start(recipe, recipe.net.start, "net.start");
}

std::map<std::string, fs::path> find_start_parts(const Recipe& recipe) {
  std::map<std::string, fs::path> files;
  for (const auto& [part, file] : recipe.net.start_parts)
    files[part] = found_start(recipe, file, "net.start_parts." + part);
  return files;
}

Recipe without_paths(Recipe recipe) {
  recipe.data.dataset = recipe.data.dataset.substr(0, recipe.data.dataset.find(':'));
  for (auto& [output, dataset] : recipe.data.tasks)
    dataset = dataset.substr(0, dataset.find(':'));
  recipe.net.pretrained = fs::path(recipe.net.pretrained).filename().string();
  recipe.net.from = fs::path(recipe.net.from).filename().string();
  recipe.net.start = fs::path(recipe.net.start).filename().string();
  for (auto& [part, file] : recipe.net.start_parts)
    file = fs::path(file).filename().string();
  return recipe;
}

std::map<std::string, std::string> environment() {
  return {{"vitrail", VITRAIL_VERSION},
          {"libtorch", TORCH_VERSION},
          {"threads", std::to_string(at::get_num_threads())}};
}

}  // namespace vitrail::train
