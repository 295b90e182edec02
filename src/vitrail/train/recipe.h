#pragma once
// A recipe: one TOML file that says everything about a training run, so that the run can be repeated from it.
//
//   [net]
//   name = "mobilenet-x0.5-fcn8"
//   pretrained = "mobilenet_v1_x0.50.safetensors"
//   [data]
//   dataset = "camvid"                   # the path comes from --data camvid:PATH, or write "camvid:PATH"
//   here [train] steps = 3000
//
//   Recipe recipe = read_recipe("recipes/mobilenet-x0.5-fcn8_camvid.toml", {"train.steps=100"});
//
// Every key is optional but net.name (or net.from) and data.dataset. One table (recipe.cpp) makes the parser,
// the checks,
// `--set KEY=VALUE`, the help and docs/recipes.md. All faults of a file are reported at once, each with its
// line.
//
// Adding a key: its field here, and its line in the table of recipe.cpp.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/data/instance_augment.h"

namespace vitrail::train {

struct Recipe {
  struct Net {
    std::string name;        ///< registry name: `vitrail list nets`
    int64_t classes = 0;     ///< 0 = as many as the data set has
    std::string pretrained;  ///< weights of the encoder; empty = random
    std::string start;       ///< model file whose weights are taken where they fit; empty = none
    /// Part of the network -> model file whose weights it takes, "color" -> "runs/color/model.onnx": the
    /// file's `backbone.x` is the network's `color.backbone.x`.
    std::map<std::string, std::string> start_parts;
    std::map<std::string, std::string> set;  ///< options of the network itself
    std::string from;    ///< a model file in place of `name`: its network, from its weights (fine_tune.h)
    std::string output;  ///< of `from`: the output that has the logits; empty = the only one
    bool replace_head = false;      ///< of `from`: the last convolution is made anew for the classes
    std::vector<double> mean, std;  ///< 0..255 scale; empty = as the network or `from` says
    std::string order = "file";     ///< rgb, bgr, grey, or as the network or `from` says
    int64_t multiple = 0;           ///< of `from`; 0 = as the file says
  } net;

  struct Data {
    std::string dataset;  ///< NAME or NAME:PATH
    std::string train_split = "train";
    std::string val_split = "val";         ///< empty = no evaluation during training
    std::map<int64_t, int64_t> label_map;  ///< file's label -> class index; empty = the data set's own
    /// Further outputs of the network that learn other labels of the same pictures: output -> NAME or
    /// NAME:PATH of the data set that has them; without a path in the same folder.
    std::map<std::string, std::string> tasks;
    int64_t loader_threads = 1;  ///< workers that read and augment; changes the speed alone
    int64_t hold_out = 0;  ///< instances: one picture in so many of the training split is for validation
  } data;

  AugmentOptions augment;
  BoxAugmentOptions box_augment;  ///< instances

  struct Loss {
    std::map<std::string, double> terms = {
        {"cross_entropy", 1.0}};              ///< name -> factor; the loss is their sum
    std::string class_weights = "none";       ///< none, median_frequency, effective_number, given
    std::vector<double> class_weight_values;  ///< for "given": one per class
    double effective_number_beta = 0.9999;
    std::string reduction = "mean";  ///< mean or sum over pixels
    double label_smoothing = 0;
    double focal_gamma = 2;
    double ohem_threshold = 0.7;     ///< pixels whose true class has at least this probability are easy
    int64_t ohem_min_kept = 100000;  ///< pixels of a batch that always count
    double dice_smooth = 1;
    double border_weight = 0;  ///< U-Net's weights between cells (border_weights.h)
    double border_sigma = 5;
    int64_t border_class = 1;
    double auxiliary = 0.4;      ///< factor of the loss at each training-only output
    bool reduce_labels = false;  ///< labels to the maps' sizes, not maps to the labels' (DeepLab)
  } loss;

  /// Of instance segmentation networks: on SSD (ssd_losses.h, branch_batches.h), Mask R-CNN (rcnn_losses.h).
  struct Instances {
    std::string matching = "argmax";     ///< argmax (TensorFlow), bipartite (Caffe)
    std::string mining = "suppression";  ///< suppression (TensorFlow), hardest (Caffe), none
    double match_iou = 0.5;
    double negatives = 3;  ///< background anchors per matched one
    int64_t least_negatives = 0;
    double huber_delta = 1;
    double boxes = 1, classes = 1;  ///< factors of the losses
    double masks = -1;  ///< -1: 30 for a single branch, 150 for several (the thesis), 1 for Mask R-CNN
    std::string mask_mean = "boxes";  ///< boxes, cells, branches
    double mask_outside = 1;          ///< weight of a mask's cells outside of the box
    double box_jitter = 0;            ///< share of their sides by which the boxes of crops are off
    int64_t shared_steps = 0;         ///< first steps during which all branches have the same weights
    double objectness = 1, proposal_boxes = 1;  ///< Mask R-CNN: factors of the proposals' losses
    double smooth_beta = 0;                     ///< Mask R-CNN: of smooth L1; 0 = L1
    int64_t proposal_samples = 256;             ///< Mask R-CNN: anchors per picture that count
    int64_t box_samples = 512;                  ///< Mask R-CNN: proposals per picture that count
  } instances;

  struct Optimizer {
    std::string name = "adamw";  ///< sgd, adam, adamw, rmsprop, rmsprop_tensorflow (optimizer.h)
    double rate = 0.001;
    double weight_decay = 0.0001;
    bool decay_all = false;             ///< decay biases and batch normalisation too
    std::vector<std::string> no_decay;  ///< patterns of further parameters without decay
    double momentum = 0.9;              ///< sgd, rmsprop
    bool nesterov = false;
    double beta1 = 0.9;  ///< adam, adamw
    double beta2 = 0.999;
    double rho = 0.9;       ///< rmsprop: decay of the squared gradient
    double epsilon = 1e-8;  ///< adam, adamw, rmsprop
    std::map<std::string, double>
        rates;  ///< pattern of names -> factor of the rate; the longest pattern wins
  } optimizer;

  struct Schedule {
    std::string name = "poly";  ///< constant, poly, exponential, cosine, milestones
    double power = 0.9;         ///< poly
    double decay = 0.94;        ///< exponential: factor every `decay_steps`; milestones: at each
    int64_t decay_steps = 1000;
    bool staircase = true;           ///< exponential: in steps, not smoothly
    std::vector<double> milestones;  ///< steps
    double final_factor = 0;         ///< the rate never falls below this factor
    int64_t warmup_steps = 0;        ///< linear from warmup_factor to 1
    double warmup_factor = 0.1;      ///< factor of the rate at step 0 of the warm-up
  } schedule;

  struct Train {
    int64_t steps = 1000;  ///< optimiser steps
    int64_t batch = 8;     ///< images per forward pass
    int64_t accumulate = 1;
    uint64_t seed = 0;
    int64_t threads = 0;           ///< LibTorch's threads; 0 = all cores
    int64_t evaluate_every = 0;    ///< steps; 0 = at the end alone
    int64_t checkpoint_every = 0;  ///< steps; 0 = with each evaluation, or every 500 where there is none
    int64_t log_every = 10;
    double ema = 0;                   ///< decay of the moving average of the weights; 0 = none
    double clip = 0;                  ///< largest norm of the gradient; 0 = no clipping
    std::vector<std::string> freeze;  ///< patterns of parameters that are not trained: "backbone.Conv2d_0.*"
    bool freeze_statistics = false;   ///< batch normalisation uses its running statistics and leaves them
  } train;

  struct Evaluate {
    std::string convention = "skipped";  ///< how an absent class enters the mean IoU (metrics/confusion.h)
    int64_t images = 0;         ///< evaluate on that many, evenly spread; 0 = all. The last one uses all
    int64_t report_images = 4;  ///< worst and best validation pictures in report.html, each
  } evaluate;

  std::string text;    ///< the file as it was read, without the overrides
  std::string source;  ///< the file's name, for errors
};

/// One key of the recipe, for help and documentation.
struct RecipeOption {
  std::string key;            ///< "train.steps"
  std::string type;           ///< "integer", "number", "text", "true or false", "list of numbers", ...
  std::string default_value;  ///< as TOML
  std::string allowed;        ///< "at least 1", "one of sgd, adam"; empty = anything
  std::string help;
};
const std::vector<RecipeOption>& recipe_options();

/// Parses `text`; `source` names it in errors. Each override is KEY=VALUE with a key of the table
/// ("train.steps=100"). Throws Error(usage) that lists every fault, each with its line.
Recipe parse_recipe(std::string_view text, const std::string& source,
                    const std::vector<std::string>& overrides = {});
Recipe read_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

/// What the network is called: net.name, or the name of the file it comes from.
std::string network_name(const Recipe& recipe);

/// Every key with its value, as TOML that parse_recipe reads back to the same recipe.
std::string recipe_to_toml(const Recipe& recipe);

/// Keys whose values differ ("train.batch: 8 is now 4"), for refusing to resume another run.
std::vector<std::string> recipe_differences(const Recipe& was, const Recipe& is);

/// The table of keys as text for a terminal, and as Markdown for docs/recipes.md.
std::string recipe_help();
std::string recipe_markdown();

}  // namespace vitrail::train
