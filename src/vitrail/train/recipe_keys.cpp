#include "vitrail/train/recipe_keys.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

template <auto Section, auto Member>
auto& at(Recipe& recipe) {
  return (recipe.*Section).*Member;
}

const Allowed anything{};
Allowed at_least(double low) {
  return {.low = low};
}
Allowed above(double low) {
  return {.low = low, .above_low = true};
}
Allowed between(double low, double high) {
  return {.low = low, .high = high};
}
Allowed one_of(Names names) {
  return {.names = std::move(names)};
}

template <auto Member>
constexpr auto net = &at<&Recipe::net, Member>;
template <auto Member>
constexpr auto data = &at<&Recipe::data, Member>;
template <auto Member>
constexpr auto aug = &at<&Recipe::augment, Member>;
template <auto Member>
constexpr auto loss = &at<&Recipe::loss, Member>;
template <auto Member>
constexpr auto optimizer = &at<&Recipe::optimizer, Member>;
template <auto Member>
constexpr auto schedule = &at<&Recipe::schedule, Member>;
template <auto Member>
constexpr auto train = &at<&Recipe::train, Member>;
template <auto Member>
constexpr auto evaluate = &at<&Recipe::evaluate, Member>;

template <auto Member>
constexpr auto boxes = &at<&Recipe::box_augment, Member>;
template <auto Member>
constexpr auto instances = &at<&Recipe::instances, Member>;

using R = Recipe;
using A = AugmentOptions;
using B = BoxAugmentOptions;
using I = Recipe::Instances;

std::vector<Key> net_and_data_keys() {
  return {
      {"net.name", net<&R::Net::name>, anything, "network, one of `vitrail list nets`"},
      {"net.classes", net<&R::Net::classes>, between(0, 65535), "classes; 0 = as many as the data set has"},
      {"net.pretrained", net<&R::Net::pretrained>, anything,
       "safetensors file of the encoder's weights, beside the recipe or in --pretrained; empty = random"},
      {"net.start", net<&R::Net::start>, anything,
       "model file of a former run (.onnx, .safetensors), as it stands or beside the recipe: its weights are "
       "taken "
       "where name and shape agree"},
      {"net.start_parts", net<&R::Net::start_parts>, anything,
       "part of the network = model file whose weights it takes, as net.start: color = \"color.onnx\" for "
       "the "
       "parameters color.*"},
      {"net.set", net<&R::Net::set>, anything, "options of the network itself, by name"},
      {"net.from", net<&R::Net::from>, anything,
       "ONNX file whose network is trained on from its weights, in place of net.name"},
      {"net.output", net<&R::Net::output>, anything,
       "net.from: the output that has the logits; empty = the only one of float maps"},
      {"net.replace_head", net<&R::Net::replace_head>, anything,
       "net.from: make the last convolution anew, for as many classes as the data set has"},
      {"net.mean", net<&R::Net::mean>, anything,
       "mean per channel on the 0..255 scale; empty = as the network or the file of net.from says"},
      {"net.std", net<&R::Net::std>, above(0),
       "standard deviation per channel on the 0..255 scale; empty = as the network or the file of net.from "
       "says"},
      {"net.order", net<&R::Net::order>, one_of({"file", "rgb", "bgr", "grey"}),
       "order of the channels; file = as the network says, or the file of net.from, else rgb"},
      {"net.multiple", net<&R::Net::multiple>, between(0, 4096),
       "net.from: height and width are padded to a multiple of this; 0 = as the file says"},
      {"data.dataset", data<&R::Data::dataset>, anything, "NAME:PATH, or NAME with the path from --data"},
      {"data.train_split", data<&R::Data::train_split>, anything, "split to train on; several joined by +"},
      {"data.val_split", data<&R::Data::val_split>, anything, "split to evaluate on; empty = no evaluation"},
      {"data.label_map", data<&R::Data::label_map>, anything,
       "label in the files -> class index, 255 = ignored; empty = the data set's own"},
      {"data.tasks", data<&R::Data::tasks>, anything,
       "further outputs of the network = data set with other labels of the same pictures, NAME or NAME:PATH; "
       "the losses are summed"},
      {"data.loader_threads", data<&R::Data::loader_threads>, between(1, 256),
       "threads that read and augment; changes the speed alone"},
      {"data.hold_out", data<&R::Data::hold_out>, between(0, 1000),
       "instances: pictures whose id divides by this are kept from training and are the validation split; 0 "
       "= "
       "none"},
  };
}

std::vector<Key> augment_keys() {
  return {
      {"augment.scale_min", aug<&A::scale_min>, above(0), "smallest factor of a random resize"},
      {"augment.scale_max", aug<&A::scale_max>, above(0), "largest factor of a random resize"},
      {"augment.scales", aug<&A::scales>, above(0),
       "factors to choose from, instead of scale_min to scale_max"},
      {"augment.short_side_min", aug<&A::short_side_min>, at_least(0),
       "instead of a factor: smallest length of the resized image's shorter side, pixels ..."},
      {"augment.short_side_max", aug<&A::short_side_max>, at_least(0), "... and the largest; 0 = a factor"},
      {"augment.elastic_sigma", aug<&A::elastic_sigma>, between(0, 1000),
       "elastic deformation: deviation of the displacements, pixels; 0 = none"},
      {"augment.elastic_grid", aug<&A::elastic_grid>, between(2, 64),
       "points along each side that displacements are drawn for"},
      {"augment.rotate_degrees", aug<&A::rotate_degrees>, between(0, 180), "rotation within +- this"},
      {"augment.crop_height", aug<&A::crop_height>, at_least(0), "rows of the random crop; 0 = no crop"},
      {"augment.crop_width", aug<&A::crop_width>, at_least(0), "columns of the random crop; 0 = no crop"},
      {"augment.crop_max_class_share", aug<&A::crop_max_class_share>,
       Allowed{.low = 0, .high = 1, .above_low = true},
       "a crop in which one class has more than this share of the pixels is drawn again"},
      {"augment.flip", aug<&A::flip>, between(0, 1), "probability of a horizontal flip"},
      {"augment.brightness", aug<&A::brightness>, between(0, 1), "factor within 1 +- this"},
      {"augment.contrast", aug<&A::contrast>, between(0, 1), "factor within 1 +- this"},
      {"augment.saturation", aug<&A::saturation>, between(0, 1), "factor within 1 +- this"},
      {"augment.hue_degrees", aug<&A::hue_degrees>, between(0, 180), "shift within +- this"},
      {"augment.blur", aug<&A::blur>, between(0, 1), "probability of a Gaussian blur"},
      {"augment.blur_sigma_max", aug<&A::blur_sigma_max>, above(0), "largest sigma of the blur, pixels"},
      {"augment.fill", aug<&A::fill>, between(0, 255),
       "padded pixels: R, G, B and further channels, or one value for all; empty = the network's mean"},
      {"augment.expand", boxes<&B::expand>, between(0, 1),
       "instances: probability that the picture is put onto a larger canvas"},
      {"augment.expand_max", boxes<&B::expand_max>, between(1, 16), "largest factor of the canvas's sides"},
      {"augment.ssd_crop", boxes<&B::crop>, between(0, 1),
       "instances: probability of a crop that holds a share of some box (ssd_random_crop; there 0.85)"},
      {"augment.ssd_crop_overlaps", boxes<&B::crop_overlaps>, between(0, 1),
       "the shares, one of which is drawn; objects with less left go"},
      {"augment.ssd_crop_area", boxes<&B::crop_area_min>, between(0.001, 1), "smallest area of such a crop"},
      {"augment.ssd_crop_aspect_min", boxes<&B::crop_aspect_min>, between(0.05, 20),
       "least width / height of such a crop"},
      {"augment.ssd_crop_aspect_max", boxes<&B::crop_aspect_max>, between(0.05, 20),
       "greatest width / height of such a crop"},
      {"augment.least_visible", boxes<&B::least_visible>, between(0, 1),
       "instances: objects of whose box a smaller share is left go"},
      {"augment.box_jitter", instances<&I::box_jitter>, between(0, 0.9),
       "instances: share of their sides by which the true boxes that are cropped are off"},
  };
}

std::vector<Key> loss_keys() {
  return {
      {"loss.terms", loss<&R::Loss::terms>, above(0),
       "what is summed: name = factor, of cross_entropy, ohem, dice, focal, lovasz"},
      {"loss.class_weights", loss<&R::Loss::class_weights>,
       one_of({"none", "median_frequency", "effective_number", "given"}),
       "weights of the classes, from the training split"},
      {"loss.class_weight_values", loss<&R::Loss::class_weight_values>, at_least(0),
       "one weight per class, for class_weights = \"given\""},
      {"loss.effective_number_beta", loss<&R::Loss::effective_number_beta>, between(0, 0.9999999),
       "beta of effective_number"},
      {"loss.reduction", loss<&R::Loss::reduction>, one_of({"mean", "sum"}), "over the pixels of the batch"},
      {"loss.label_smoothing", loss<&R::Loss::label_smoothing>, between(0, 0.999),
       "share of the target spread over all classes"},
      {"loss.focal_gamma", loss<&R::Loss::focal_gamma>, at_least(0), "exponent of the focal loss"},
      {"loss.ohem_threshold", loss<&R::Loss::ohem_threshold>, between(0, 1),
       "pixels whose true class has at least this probability do not count ..."},
      {"loss.ohem_min_kept", loss<&R::Loss::ohem_min_kept>, at_least(1),
       "... but this many hardest always do"},
      {"loss.dice_smooth", loss<&R::Loss::dice_smooth>, above(0), "keeps Dice finite on empty classes"},
      {"loss.border_weight", loss<&R::Loss::border_weight>, at_least(0),
       "cross_entropy: weight of the gap between two touching cells (U-Net: 10); 0 = none"},
      {"loss.border_sigma", loss<&R::Loss::border_sigma>, above(0),
       "how fast it falls with the gap's width, pixels"},
      {"loss.border_class", loss<&R::Loss::border_class>, at_least(0),
       "the class whose connected components are the cells"},
      {"loss.auxiliary", loss<&R::Loss::auxiliary>, at_least(0),
       "factor of the loss at training-only outputs"},
      {"loss.reduce_labels", loss<&R::Loss::reduce_labels>, anything,
       "labels are reduced to the size of the network's maps, not maps brought up to the labels (DeepLab)"},
      {"loss.boxes", instances<&I::boxes>, at_least(0), "instances: factor of the boxes' loss"},
      {"loss.classes", instances<&I::classes>, at_least(0), "instances: factor of the classes' loss"},
      {"loss.masks", instances<&I::masks>, at_least(-1),
       "instances: factor of the masks' loss; 0 = branches are not trained, -1 = 30 for a single branch, 150 "
       "for several, 1 for Mask R-CNN"},
      {"loss.mask_mean", instances<&I::mask_mean>, one_of({"boxes", "cells", "branches"}),
       "what counts the same in the masks' loss"},
      {"loss.mask_outside", instances<&I::mask_outside>, at_least(0),
       "weight of a mask's cells outside of the very box"},
      {"loss.matching", instances<&I::matching>, one_of({"argmax", "bipartite"}),
       "instances: anchors to objects as TensorFlow's SSD, or as Caffe's"},
      {"loss.match_iou", instances<&I::match_iou>, between(0, 1), "least overlap of anchor and object"},
      {"loss.mining", instances<&I::mining>, one_of({"suppression", "hardest", "none"}),
       "which background anchors count: TensorFlow's choice, Caffe's, all"},
      {"loss.negatives", instances<&I::negatives>, at_least(0), "mined background anchors per matched one"},
      {"loss.least_negatives", instances<&I::least_negatives>, at_least(0),
       "and at least this many a picture"},
      {"loss.huber_delta", instances<&I::huber_delta>, above(0), "of the boxes' Huber loss"},
      {"loss.objectness", instances<&I::objectness>, at_least(0),
       "Mask R-CNN: factor of the loss that says which anchors have an object"},
      {"loss.proposal_boxes", instances<&I::proposal_boxes>, at_least(0),
       "Mask R-CNN: factor of the loss of the proposals' boxes"},
      {"loss.smooth_beta", instances<&I::smooth_beta>, at_least(0),
       "Mask R-CNN: where smooth L1 of the boxes turns from a square into a line; 0 = L1"},
      {"loss.proposal_samples", instances<&I::proposal_samples>, between(1, 65536),
       "Mask R-CNN: anchors of a picture that count"},
      {"loss.box_samples", instances<&I::box_samples>, between(1, 65536),
       "Mask R-CNN: proposals of a picture that count"},
  };
}

std::vector<Key> optimizer_and_schedule_keys() {
  return {
      {"optimizer.name", optimizer<&R::Optimizer::name>,
       one_of({"sgd", "adam", "adamw", "rmsprop", "rmsprop_tensorflow"}),
       "rmsprop_tensorflow has TensorFlow's epsilon and start"},
      {"optimizer.rate", optimizer<&R::Optimizer::rate>, above(0), "learning rate before the schedule"},
      {"optimizer.weight_decay", optimizer<&R::Optimizer::weight_decay>, at_least(0), "decay of the weights"},
      {"optimizer.decay_all", optimizer<&R::Optimizer::decay_all>, anything,
       "decay biases and batch normalisation as well"},
      {"optimizer.no_decay", optimizer<&R::Optimizer::no_decay>, anything,
       "patterns (*, ?) of further parameters without decay"},
      {"optimizer.momentum", optimizer<&R::Optimizer::momentum>, between(0, 1), "sgd, rmsprop"},
      {"optimizer.nesterov", optimizer<&R::Optimizer::nesterov>, anything, "sgd"},
      {"optimizer.beta1", optimizer<&R::Optimizer::beta1>, between(0, 1), "adam, adamw"},
      {"optimizer.beta2", optimizer<&R::Optimizer::beta2>, between(0, 1), "adam, adamw"},
      {"optimizer.rho", optimizer<&R::Optimizer::rho>, between(0, 1),
       "rmsprop: decay of the mean squared gradient"},
      {"optimizer.epsilon", optimizer<&R::Optimizer::epsilon>, above(0), "adam, adamw, rmsprop"},
      {"optimizer.rates", optimizer<&R::Optimizer::rates>, at_least(0),
       "pattern (*, ?) of parameters' names = factor of the rate; the longest pattern wins"},
      {"schedule.name", schedule<&R::Schedule::name>,
       one_of({"constant", "poly", "exponential", "cosine", "milestones"}), "how the rate falls"},
      {"schedule.power", schedule<&R::Schedule::power>, above(0), "poly"},
      {"schedule.decay", schedule<&R::Schedule::decay>, Allowed{.low = 0, .high = 1, .above_low = true},
       "exponential: factor per decay_steps; milestones: per milestone"},
      {"schedule.decay_steps", schedule<&R::Schedule::decay_steps>, at_least(1), "exponential"},
      {"schedule.staircase", schedule<&R::Schedule::staircase>, anything,
       "exponential: in steps, not smoothly"},
      {"schedule.milestones", schedule<&R::Schedule::milestones>, at_least(0),
       "milestones: steps from which the rate is multiplied by schedule.decay once more"},
      {"schedule.final_factor", schedule<&R::Schedule::final_factor>, between(0, 1),
       "the rate never falls below this factor of it"},
      {"schedule.warmup_steps", schedule<&R::Schedule::warmup_steps>, at_least(0), "steps of linear warm-up"},
      {"schedule.warmup_factor", schedule<&R::Schedule::warmup_factor>, between(0, 1),
       "factor of the rate at the first step of the warm-up"},
  };
}

std::vector<Key> train_keys() {
  return {
      {"train.steps", train<&R::Train::steps>, at_least(1), "optimiser steps"},
      {"train.batch", train<&R::Train::batch>, between(1, 65536), "images per forward pass"},
      {"train.accumulate", train<&R::Train::accumulate>, between(1, 65536),
       "forward passes per optimiser step"},
      {"train.seed", train<&R::Train::seed>, at_least(0), "seed of everything random"},
      {"train.threads", train<&R::Train::threads>, between(0, 1024),
       "threads of the arithmetic; 0 = all cores"},
      {"train.evaluate_every", train<&R::Train::evaluate_every>, at_least(0), "steps; 0 = at the end alone"},
      {"train.checkpoint_every", train<&R::Train::checkpoint_every>, at_least(0),
       "steps; 0 = with each evaluation, or every 500 where there is none"},
      {"train.log_every", train<&R::Train::log_every>, at_least(1), "steps between two lines of the log"},
      {"train.ema", train<&R::Train::ema>, between(0, 0.9999999),
       "decay of the moving average of the weights, which is then evaluated and exported; 0 = none"},
      {"train.clip", train<&R::Train::clip>, at_least(0), "largest norm of the gradient; 0 = no clipping"},
      {"train.freeze", train<&R::Train::freeze>, anything,
       "patterns (*, ?) of parameters that are not trained"},
      {"train.freeze_statistics", train<&R::Train::freeze_statistics>, anything,
       "batch normalisation uses its running statistics and leaves them"},
      {"train.shared_steps", instances<&I::shared_steps>, at_least(0),
       "instances: first steps during which all branches learn as one"},
      {"evaluate.convention", evaluate<&R::Evaluate::convention>,
       one_of({"skipped", "zero", "one", "truth_only", "undefined"}),
       "how an absent class enters the mean IoU"},
      {"evaluate.images", evaluate<&R::Evaluate::images>, at_least(0),
       "images of an evaluation during training, evenly spread; 0 = all; the last one uses all"},
      {"evaluate.report_images", evaluate<&R::Evaluate::report_images>, between(0, 100),
       "worst, and best, validation pictures in report.html; pictures per evaluation in TensorBoard"},
  };
}

}  // namespace

std::string Allowed::text() const {
  if (!names.empty()) return "one of " + join(names);
  const bool bounded = std::isfinite(high);
  if (!std::isfinite(low)) return bounded ? cat("at most ", high) : "";
  if (!bounded) return cat(above_low ? "above " : "at least ", low);
  return above_low ? cat("above ", low, ", at most ", high) : cat(low, " to ", high);
}
bool Allowed::holds(double value) const {
  return std::isfinite(value) && value <= high && (above_low ? value > low : value >= low);
}
bool Allowed::holds(const std::string& value) const {
  return names.empty() || std::find(names.begin(), names.end(), value) != names.end();
}

const std::vector<Key>& recipe_keys() {
  static const std::vector<Key> table = [] {
    std::vector<Key> all;
    for (auto&& part :
         {net_and_data_keys(), augment_keys(), loss_keys(), optimizer_and_schedule_keys(), train_keys()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : recipe_keys())
    if (key.key == name) return &key;
  return nullptr;
}

std::vector<std::string> recipe_key_names() {
  Names names;
  for (const Key& key : recipe_keys())
    names.push_back(key.key);
  return names;
}

const std::vector<std::string>& recipe_loss_names() {
  static const Names names{"cross_entropy", "ohem", "dice", "focal", "lovasz"};
  return names;
}

std::string toml_text(const std::string& value) {
  return cat('"', json_escaped(value), '"');
}
std::string toml_text(bool value) {
  return value ? "true" : "false";
}
std::string toml_text(int64_t value) {
  return std::to_string(value);
}
std::string toml_text(uint64_t value) {
  return std::to_string(value);
}
std::string toml_text(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // shortest that reads back
  std::string text(buffer, end);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
template <class T>
std::string toml_text(const std::vector<T>& values) {
  Names items;
  for (const T& value : values)
    items.push_back(toml_text(value));
  return cat('[', join(items), ']');
}
template <class K, class V>
std::string toml_text(const std::map<K, V>& values) {
  Names items;
  for (const auto& [key, value] : values)
    items.push_back(cat(toml_text(cat(key)), " = ", toml_text(value)));
  return items.empty() ? "{}" : cat("{ ", join(items), " }");
}

std::string value_text(const Key& key, const Recipe& recipe) {
  Recipe& mutable_recipe = const_cast<Recipe&>(recipe);  // the accessors are for reading and writing alike
  return std::visit([&](auto field) { return toml_text(field(mutable_recipe)); }, key.field);
}

std::string type_text(const Key& key) {
  return std::visit(
      Overload{[](Field<int64_t>) { return "integer"; }, [](Field<uint64_t>) { return "integer"; },
               [](Field<double>) { return "number"; }, [](Field<bool>) { return "true or false"; },
               [](Field<std::string>) { return "text"; }, [](Field<Numbers>) { return "list of numbers"; },
               [](Field<Names>) { return "list of texts"; },
               [](Field<TextTable>) { return "table of texts"; },
               [](Field<NumberTable>) { return "table of numbers"; },
               [](Field<LabelTable>) { return "table of integers"; }},
      key.field);
}

}  // namespace vitrail::train
