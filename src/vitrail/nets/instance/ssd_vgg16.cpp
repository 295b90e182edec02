#include "vitrail/nets/instance/ssd_vgg16.h"

#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/nets/instance/ssd_head.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"

namespace vitrail {
namespace {

constexpr init::XavierUniform start{};
constexpr double least_square = 1e-10;  // Caffe's, under the root of the norm

ConvOptions conv_of(int64_t out, int64_t kernel, int64_t pad, int64_t stride = 1, int64_t dilation = 1) {
  return {.out = out,
          .kernel = {kernel, kernel},
          .stride = stride,
          .dilation = dilation,
          .pads = {pad, pad, pad, pad},
          .init = start};
}

Value pooled(const Scope& scope, Value x, op::MaxPool pool) {
  return scope.graph().add(pool, {x}, scope("pool"));
}

// x / |x| over the channels, times a learned scale for each.
Value scaled_norm(const Scope& scope, Value x) {
  using Binary = op::Binary::Function;
  Graph& graph = scope.graph();
  const int64_t channels = graph.channels(x);
  const Value scale =
      graph.parameter({.name = scope("scale_weight"), .shape = {channels}, .init = init::Constant{20}});
  const Scope norm = scope / "norm";
  const Value squares =
      graph.add(op::Reduce{.function = op::Reduce::Function::sum_square, .axes = {1}}, {x}, norm("squares"));
  const Value least =
      graph.add(op::Constant{Tensor::from<float>({1}, std::vector<float>{static_cast<float>(least_square)})},
                {}, norm("least"));
  const Value length = graph.add(op::Unary{.function = op::Unary::Function::sqrt},
                                 {add(norm / "sum", squares, least)}, norm("length"));
  const Value unit = graph.add(op::Binary{Binary::divide}, {x, length}, norm("unit"));
  return multiply(norm, unit, reshape(norm / "scale", scale, {1, channels, 1, 1}));
}

class Net {
 public:
  explicit Net(const NetOptions& options)
      : classes_(options.classes), read_("ssd300-vgg16", options.set), width_(read_.number("width", 1)) {}

  Model build() {
    describe();
    const Value image = model_.graph.input("image", {-1, 3, -1, -1});
    std::vector<Value> levels = trunk(image);
    extras(levels);
    heads(levels);
    read_.finish();
    model_.info.instance = system_;
    return std::move(model_);
  }

 private:
  void describe() {
    ModelInfo& info = model_.info;
    info.task = Task::instance;
    info.preprocessing.mean = {0.48235 * 255, 0.45882 * 255, 0.40784 * 255};
    info.preprocessing.std = {1, 1, 1};
    info.preprocessing.height = info.preprocessing.width = 300;
    constexpr std::array boxes{Ssd300Boxes::torchvision, Ssd300Boxes::caffe_coco, Ssd300Boxes::caffe_voc};
    system_.anchors =
        ssd300_anchors(boxes[read_.choice("anchors", {"torchvision", "caffe_coco", "caffe_voc"}, 0)]);
    system_.coding = {.scales = {10, 10, 5, 5}, .y_first = false};
    system_.softmax_scores = true;
    system_.smooth_resize = false;
    system_.selection = {.score_threshold = read_.number("score_threshold", 0.01),
                         .iou_threshold = read_.number("iou_threshold", 0.45),
                         .before_suppression = read_.integer("candidates", 400),
                         .per_class = read_.integer("boxes", 200),
                         .total = 0};
    system_.selection.total = system_.selection.per_class;
    const BoxSelection& s = system_.selection;
    if (!(s.score_threshold >= 0 && s.score_threshold <= 1 && s.iou_threshold >= 0 && s.iou_threshold <= 1) ||
        s.before_suppression < 0 || s.per_class < 1)
      throw Error(ErrorKind::usage,
                  {.where = "ssd300-vgg16 options score_threshold, iou_threshold, candidates, boxes",
                   .found = cat(s.score_threshold, ", ", s.iou_threshold, ", ", s.before_suppression, ", ",
                                s.per_class),
                   .allowed = "thresholds in 0..1, candidates at least 0, boxes at least 1"});
  }

  // conv4_3, normalised, and fc7.
  std::vector<Value> trunk(Value image) {
    constexpr std::array<int64_t, 4> channels{64, 128, 256, 512};
    constexpr std::array<int64_t, 4> layers{2, 2, 3, 3};
    Value x = image;
    int64_t number = 0;  // in torchvision's Sequential, where activations and pools count
    for (size_t group = 0; group < channels.size(); ++group) {
      if (group > 0) x = pooled(backbone_ / "features" / cat(number++), x, {.ceil_mode = group == 3});
      for (int64_t i = 0; i < layers[group]; ++i, number += 2)
        x = conv_relu(backbone_ / "features" / cat(number), x, conv_of(width_(channels[group]), 3, 1));
    }
    std::vector<Value> levels{scaled_norm(backbone_, x)};
    const Scope extra = backbone_ / "extra" / "0";
    x = pooled(extra / "0", x, {});
    for (const int64_t i : {1, 3, 5})
      x = conv_relu(extra / cat(i), x, conv_of(width_(512), 3, 1));
    const Scope last = extra / "7";
    x = pooled(last / "0", x, {.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}});
    x = conv_relu(last / "1", x, conv_of(width_(1024), 3, 6, 1, 6));
    levels.push_back(conv_relu(last / "3", x, conv_of(width_(1024), 1, 0)));
    return levels;
  }

  void extras(std::vector<Value>& levels) {
    struct Extra {
      int64_t middle, out, stride;
    };
    constexpr std::array<Extra, 4> layers{{{256, 512, 2}, {128, 256, 2}, {128, 256, 1}, {128, 256, 1}}};
    for (size_t i = 0; i < layers.size(); ++i) {
      const Scope extra = backbone_ / "extra" / cat(i + 1);
      const auto [middle, out, stride] = layers[i];
      const Value x = conv_relu(extra / "0", levels.back(), conv_of(width_(middle), 1, 0));
      levels.push_back(conv_relu(extra / "2", x, conv_of(width_(out), 3, stride == 2 ? 1 : 0, stride)));
    }
  }

  void heads(const std::vector<Value>& levels) {
    const std::vector<int64_t> anchors = anchors_per_cell(system_.anchors);
    const Scope head = net_ / "head";
    std::vector<SsdLevel> said;
    for (size_t i = 0; i < levels.size(); ++i)
      said.push_back({conv(head / "regression_head" / "module_list" / cat(i), levels[i],
                           conv_of(anchors.at(i) * 4, 3, 1)),
                      conv(head / "classification_head" / "module_list" / cat(i), levels[i],
                           conv_of(anchors.at(i) * (classes_ + 1), 3, 1))});
    add_ssd_outputs(net_, said, classes_);
  }

  int64_t classes_;
  OptionReader read_;
  Width width_;
  Model model_;
  Scope net_{model_.graph};
  Scope backbone_ = net_ / "backbone";
  SsdSystem system_;
};

}  // namespace

Model ssd300_vgg16(const NetOptions& options) {
  return Net(options).build();
}

}  // namespace vitrail
