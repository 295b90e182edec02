#include "vitrail/nets/instance/ssd_mobilenet.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/instance/isb.h"
#include "vitrail/nets/instance/ssd_head.h"
#include "vitrail/nets/options.h"

namespace vitrail {
namespace {

constexpr int64_t min_depth = 16;
constexpr int64_t most_branches = 64;
constexpr std::array<int64_t, 4> extra_depths{512, 256, 256, 128};
constexpr double slim_epsilon = 1e-3;
constexpr init::TruncatedNormal api_init{0.03};  // the Object Detection API's

using Shapes = std::vector<Pair>;
const Shapes exact_shapes{{7, 2}, {6, 3}, {6, 2}, {5, 3}, {5, 2}, {4, 3},
                          {4, 2}, {3, 3}, {3, 2}, {3, 1}, {2, 2}, {2, 1}};
const std::array<Shapes, 3> multi_shapes{
    {{{15, 10}, {9, 4}, {7, 3}, {6, 3}, {5, 2}, {4, 2}, {3, 2}, {2, 2}, {2, 1}, {1, 1}},
     {{15, 15}, {10, 10}, {8, 8}, {6, 6}, {4, 4}, {2, 2}, {1, 1}},
     {{10, 10}, {8, 6}, {6, 4}, {5, 3}, {4, 2}, {2, 2}, {2, 1}, {1, 1}}}};
const std::vector<std::string> shape_words{"default", "new", "small"};

class Net {
 public:
  Net(const NetOptions& options, SsdBranches branches)
      : options_(options), kind_(branches), read_("ssd-mobilenet", options.set) {}

  Model build() {
    mobile_.depth_multiplier = read_.number("depth_multiplier", 1);
    mobile_.min_depth = min_depth;
    mobile_.batch_norm_momentum = read_.number("batch_norm_momentum", mobile_.batch_norm_momentum);
    describe();
    trunk();
    if (kind_ != SsdBranches::none) branches();
    read_.finish();
    model_.info.instance = system_;
    return std::move(model_);
  }

 private:
  int64_t width(int64_t channels) const {
    return std::max(static_cast<int64_t>(static_cast<double>(channels) * mobile_.depth_multiplier),
                    min_depth);
  }

  int64_t whole(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
    const int64_t value = read_.integer(key, fallback);
    if (value < low || value > high)
      throw Error(ErrorKind::usage, {.where = cat("ssd-mobilenet option ", key),
                                     .found = cat(value),
                                     .allowed = cat(low, " to ", high)});
    return value;
  }

  double share(const std::string& key, double fallback) {
    const double value = read_.number(key, fallback);
    if (value < 0 || value > 1)
      throw Error(
          ErrorKind::usage,
          {.where = cat("ssd-mobilenet option ", key), .found = cat(value), .allowed = "a number in 0..1"});
    return value;
  }

  void describe() {
    ModelInfo& info = model_.info;
    info.task = Task::instance;
    info.preprocessing.mean = {127.5, 127.5, 127.5};
    info.preprocessing.std = {127.5, 127.5, 127.5};
    info.preprocessing.height = info.preprocessing.width = whole("size", 640, 32, 4096);
    describe_anchors();
    system_.coding = {.scales = {10, 10, 5, 5}, .y_first = true, .largest_log = 80.0 / 5};
    system_.softmax_scores = read_.choice("scores", {"sigmoid", "softmax"}, 0) == 1;
    system_.selection = {.score_threshold = share("score_threshold", 1e-8),
                         .iou_threshold = share("iou_threshold", 0.6),
                         .per_class = whole("boxes", 100, 1, 10000)};
    system_.selection.total = system_.selection.per_class;
  }

  void describe_anchors() {
    system_.anchors = ssd_mobilenet_anchors();
    const size_t levels = system_.anchors.levels.size();
    const std::vector<double> scales = read_.numbers("anchor_scales", {});
    if (scales.empty()) return;
    const bool sound = std::all_of(scales.begin(), scales.end(), [](double s) { return s > 0 && s <= 4; });
    if (scales.size() != levels || !sound)
      throw Error(ErrorKind::usage, {.where = "ssd-mobilenet option anchor_scales",
                                     .found = join(scales),
                                     .allowed = cat(levels, " numbers above 0, shares of the image's side")});
    system_.anchors = ssd_mobilenet_anchors(scales);
  }

  Value cbr6(const std::string& name, Value x, ConvOptions options) {
    options.bias = false;
    options.auto_pad = AutoPad::same_upper;
    options.init = api_init;
    x = conv(net_ / name, x, options);
    x = batch_norm(net_ / name / "BatchNorm", x,
                   {.epsilon = slim_epsilon, .momentum = mobile_.batch_norm_momentum});
    return relu6(net_ / name, x);
  }

  void trunk() {
    const Value image = graph_.input("image", {-1, 3, -1, -1});
    const Features features = mobilenet_v1(net_ / "backbone", image, mobile_);
    maps_ = {features.top, features.skips.at(0).value, features.skips.at(1).value};
    std::vector<Value> levels{maps_[1], maps_[0]};
    Value x = features.top;
    for (size_t i = 0; i < extra_depths.size(); ++i) {
      const int64_t depth = width(extra_depths[i]), half = width(extra_depths[i] / 2);
      x = cbr6(cat("Conv2d_13_pointwise_1_Conv2d_", i + 2, "_1x1_", half), x, {.out = half});
      x = cbr6(cat("Conv2d_13_pointwise_2_Conv2d_", i + 2, "_3x3_s2_", depth), x,
               {.out = depth, .kernel = {3, 3}, .stride = 2});
      levels.push_back(x);
    }
    std::vector<SsdLevel> said;
    for (size_t i = 0; i < levels.size(); ++i) {
      const Scope predictor = net_ / cat("BoxPredictor_", i);
      const auto anchors = static_cast<int64_t>(system_.anchors.levels.at(i).sizes.size());
      said.push_back(
          {conv(predictor / "BoxEncodingPredictor", levels[i], {.out = anchors * 4, .init = api_init}),
           conv(predictor / "ClassPredictor", levels[i],
                {.out = anchors * (options_.classes + 1), .init = api_init})});
    }
    add_ssd_outputs(net_, said, options_.classes);
  }

  std::string allowed_shapes() const {
    return cat(kind_ == SsdBranches::multi_shape ? join(shape_words) + ", or " : "",
               "a list of different shapes, height x width in cells of 32 pixels, such as 9x4,3x2,1x1; each "
               "side 1 to 128, at most ",
               most_branches, " shapes");
  }

  Shapes parsed_shapes(const std::string& text) const {
    const auto refuse = [&] {
      throw Error(ErrorKind::usage, {.where = "ssd-mobilenet option shapes",
                                     .found = cat("'", text.substr(0, 80), "'"),
                                     .allowed = allowed_shapes()});
    };
    Shapes shapes;
    std::istringstream in(text);
    for (std::string item; std::getline(in, item, ',');) {
      Pair shape{};
      const char* const end = item.data() + item.size();
      const auto [cross, first] = std::from_chars(item.data(), end, shape[0]);
      if (first != std::errc() || cross == end || *cross != 'x') refuse();
      const auto [last, second] = std::from_chars(cross + 1, end, shape[1]);
      if (second != std::errc() || last != end || std::min(shape[0], shape[1]) < 1 ||
          std::max(shape[0], shape[1]) > 128)
        refuse();
      shapes.push_back(shape);
    }
    if (shapes.empty() || std::set(shapes.begin(), shapes.end()).size() != shapes.size() ||
        shapes.size() > most_branches)
      refuse();
    return shapes;
  }

  Shapes shapes() {
    const std::string text = read_.text("shapes", "default");
    if (kind_ == SsdBranches::multi_shape)
      for (size_t i = 0; i < shape_words.size(); ++i)
        if (text == shape_words[i]) return multi_shapes[i];
    if (text != "default") return parsed_shapes(text);
    if (kind_ == SsdBranches::single_branch) return {{10, 10}};
    Shapes all = exact_shapes;
    if (kind_ == SsdBranches::single_shape_plus) all.insert(all.end(), {{1, 1}, {14, 14}});
    return all;
  }

  // One number for all branches, or one for each.
  std::vector<int64_t> by_branch(const std::string& key, int64_t fallback, size_t count) {
    std::vector<int64_t> values = read_.integers(key, {fallback});
    if (values.size() == 1) values.assign(count, values[0]);
    if (values.size() != count)
      throw Error(ErrorKind::usage, {.where = cat("ssd-mobilenet option ", key),
                                     .found = cat(values.size(), " numbers"),
                                     .allowed = cat("one, or one for each of the ", count, " branches")});
    return values;
  }

  // The thesis's Single-Shape: no kernel is larger than its shape, and one of a single column is not split.
  static void reduce_kernel(BranchOptions& branch) {
    branch.kernel = {std::min(branch.kernel[0], branch.height), std::min(branch.kernel[1], branch.width)};
    branch.ordinary = branch.kernel[1] == 1;
  }

  void read_crops() {
    const bool alone = kind_ == SsdBranches::single_branch;
    system_.choice = alone                               ? SsdSystem::Choice::single
                     : kind_ == SsdBranches::multi_shape ? SsdSystem::Choice::largest_not_exceeding
                                                         : SsdSystem::Choice::exact;
    system_.encompassing = read_.flag("encompassing", true);
    system_.box_conditioned = read_.flag("conditioned", false);
    system_.from_anchors = read_.flag("from_anchors", false);
    system_.class_specific_masks = read_.flag("class_masks", false);
    system_.stop_gradient = read_.flag("stop_gradient", true);
    system_.mask_threshold = read_.number("mask_threshold", 0);
    if (system_.choice == SsdSystem::Choice::exact && !system_.encompassing)
      throw Error(ErrorKind::usage, {.where = "ssd-mobilenet option encompassing",
                                     .found = "0",
                                     .allowed = "1: exact shapes are those of whole cells"});
  }

  void branches() {
    read_crops();
    constexpr std::array<int64_t, 3> strides{32, 16, 8};
    const size_t decoder = read_.choice("decoder", {"fcn8", "fcn16", "fcn32"}, 0);
    const size_t used = strides.size() - decoder;
    system_.crop_strides.assign(strides.begin(), strides.begin() + static_cast<int64_t>(used));
    for (size_t i = 0; i < used; ++i)
      graph_.output(cat("features_", strides[i]), maps_[i]);

    const Shapes all = shapes();
    const std::vector<int64_t> kernels = by_branch("branch_kernel", 3, all.size()),
                               rates = by_branch("branch_rate", 1, all.size()),
                               depths = by_branch("branch_depth", 1, all.size());
    BranchOptions branch{.finest = strides[used - 1],
                         .channels = read_.integer("branch_channels", 128),
                         .masks = system_.class_specific_masks ? options_.classes : 1,
                         .activation = static_cast<BranchActivation>(
                             read_.choice("branch_activation", {"relu", "relu6", "none"}, 0)),
                         .conditioned = system_.box_conditioned};
    const int64_t boxes = whole("branch_boxes", kind_ == SsdBranches::single_branch ? 100 : 30, 1, 10000);
    for (size_t i = 0; i < all.size(); ++i) {
      branch.height = all[i][0];
      branch.width = all[i][1];
      branch.kernel = {kernels[i], kernels[i]};
      branch.rate = rates[i];
      branch.depth = depths[i];
      if (kind_ == SsdBranches::single_shape) reduce_kernel(branch);
      const bool resizes = system_.choice != SsdSystem::Choice::exact ||
                           (kind_ == SsdBranches::single_shape_plus && i + 1 == all.size());
      add_branch(branch,
                 {.height = branch.height, .width = branch.width, .resizes = resizes, .most_boxes = boxes});
    }
  }

  void add_branch(const BranchOptions& branch, BranchSystem system) {
    system.name = cat("isb_", branch.height, "x", branch.width);
    const CropChannels channels{graph_.channels(maps_[0]), graph_.channels(maps_[1]),
                                graph_.channels(maps_[2])};
    const Value masks = segmentation_branch(net_ / system.name, branch, channels);
    graph_.output(system.name + ".masks", masks);
    system_.branches.push_back(std::move(system));
  }

  const NetOptions& options_;
  SsdBranches kind_;
  OptionReader read_;
  MobileNetV1Options mobile_;
  Model model_;
  Graph& graph_ = model_.graph;
  Scope net_{graph_};
  SsdSystem system_;
  std::array<Value, 3> maps_;  // at strides 32, 16, 8
};

}  // namespace

Model ssd_mobilenet(const NetOptions& options, SsdBranches branches) {
  return Net(options, branches).build();
}

}  // namespace vitrail
