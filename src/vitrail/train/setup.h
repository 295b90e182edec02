#pragma once
// From a recipe's keys to what they configure.

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/data/loader.h"
#include "vitrail/train/losses.h"
#include "vitrail/train/optimizer.h"
#include "vitrail/train/rcnn_losses.h"
#include "vitrail/train/recipe.h"
#include "vitrail/train/schedule.h"
#include "vitrail/train/ssd_losses.h"

namespace vitrail::train {

/// `class_weights` is what the recipe's class_weights came to; empty = none.
LossOptions loss_options(const Recipe& recipe, std::vector<double> class_weights);

SsdLossOptions ssd_loss_options(const Recipe& recipe);
RcnnLossOptions rcnn_loss_options(const Recipe& recipe);

/// Vectors (biases, batch normalisation's scale and shift) do not decay unless optimizer.decay_all.
OptimizerOptions optimizer_options(const Recipe& recipe, const NamedTensors& learnable);

ScheduleOptions schedule_options(const Recipe& recipe);

LoaderOptions loader_options(const Recipe& recipe);

/// The network with the data set's classes in its info; without weights, or with those of net.from.
Model network_of(const Recipe& recipe, const std::vector<ClassInfo>& classes);

/// Where the encoder's weights are: net.pretrained, looked for as it stands, beside the recipe, and in
/// `place`; or `place` itself where that is a file. Empty for a recipe that starts from random weights.
/// Throws Error(file) naming every place that was tried, Error(usage) for a `place` beside net.from.
std::filesystem::path find_pretrained(const Recipe& recipe, const std::filesystem::path& place);

/// The former run's model of net.start, as it stands or beside the recipe. Empty where it is not set; throws
/// Error(file) where there is none.
std::filesystem::path find_start(const Recipe& recipe);
/// The same for each part of net.start_parts.
std::map<std::string, std::filesystem::path> find_start_parts(const Recipe& recipe);

/// The recipe as it is written into a model file: without paths of this machine.
Recipe without_paths(Recipe recipe);

/// What a run depends on beside the recipe, for reports and checkpoints.
std::map<std::string, std::string> environment();

}  // namespace vitrail::train
