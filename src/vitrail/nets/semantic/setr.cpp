#include "vitrail/nets/semantic/setr.h"

#include <algorithm>
#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

Value enlarged(const Scope& scope, Value x, double factor, op::CoordinateMode coordinates) {
  return scope.graph().add(op::Resize{.coordinates = coordinates, .scales = {{factor, factor}}}, {x},
                           scope.name());
}

class Builder {
 public:
  Builder(Graph& graph, int64_t classes, const SetrOptions& options)
      : net_(graph), classes_(classes), o_(options) {}

  void build(Value image, bool auxiliary) {
    image_ = image;
    const bool mla = o_.decoder == SetrDecoder::mla;
    tokens_ =
        vit(net_ / "backbone", image,
            {.depth = o_.depth, .dim = o_.dim, .heads = o_.heads, .grid = o_.grid, .class_token = !mla});
    const Scope head = net_ / "head";
    Value scores;
    switch (o_.decoder) {
      case SetrDecoder::naive: scores = naive(head, o_.depth - 1); break;
      case SetrDecoder::pup: scores = progressive(head); break;
      case SetrDecoder::mla: scores = aggregated(head, auxiliary); break;
    }
    net_.graph().output("logits", upsample_to(net_ / "upsample", scores, image_));
    if (auxiliary && !mla) add_auxiliary_heads();
    for (size_t i = 0; i < auxiliary_.size(); ++i)
      net_.graph().output(cat("aux", i + 1), auxiliary_[i], /*training_only=*/true);
  }

 private:
  // The block that lies where block `of24` of ViT-L's 24 does (counted from 1), as an index.
  int64_t index_at(int64_t of24) const { return std::max<int64_t>(1, of24 * o_.depth / 24) - 1; }

  Value classify(const Scope& scope, Value x) const { return conv(scope, x, {.out = classes_}); }

  Value naive(const Scope& scope, int64_t index) const {
    const Value x =
        conv_bn_relu(scope / "conv", token_map(scope, tokens_, index), with_bias(conv1x1(o_.width)));
    return classify(scope / "score", x);
  }

  Value progressive(const Scope& scope) const {
    Value x = token_map(scope, tokens_, o_.depth - 1);
    for (int64_t i = 0; i < 4; ++i) {
      x = conv_bn_relu(scope / cat("conv", i), x, with_bias(conv3x3(o_.width)));
      if (i < 3) x = enlarged(scope / cat("up", i), x, 2, op::CoordinateMode::half_pixel);
    }
    return classify(scope / "score", x);
  }

  Value aggregated(const Scope& scope, bool auxiliary) {
    std::array<Value, 4> parts;
    Value sum;
    for (size_t level = 4; level-- > 0;) {  // from the deepest up
      const Scope p = scope / cat("p", level + 2);
      const Value map = token_map(p, tokens_, index_at(6 * (static_cast<int64_t>(level) + 1)));
      const Value lateral = conv_bn_relu(p / "lateral", map, conv1x1(o_.width));
      sum = sum.exists() ? add(p / "sum", sum, lateral) : lateral;
      const Value x = conv_bn_relu(p / "conv", sum, conv3x3(o_.width));
      if (auxiliary) {
        const Value scores = conv(net_ / cat("aux", level + 1), x, conv1x1(classes_));
        auxiliary_.insert(auxiliary_.begin(),
                          upsample_to(net_ / cat("upsample_aux", level + 1), scores, image_));
      }
      Value y = conv_bn_relu(p / "head1", x, conv3x3(std::max<int64_t>(1, o_.width / 2)));
      y = conv_bn_relu(p / "head2", y, conv3x3(std::max<int64_t>(1, o_.width / 2)));
      parts[level] = enlarged(p / "up", y, 4, op::CoordinateMode::align_corners);
    }
    return conv(scope / "score", concat(scope, {parts.begin(), parts.end()}), with_bias(conv3x3(classes_)));
  }

  void add_auxiliary_heads() {
    const bool pup = o_.decoder == SetrDecoder::pup;
    for (const int64_t of24 : pup ? std::vector<int64_t>{10, 15, 20, 24} : std::vector<int64_t>{10, 15, 20}) {
      const Scope scope = net_ / cat("aux", auxiliary_.size() + 1);
      Value scores;
      if (pup) {
        const Value map = token_map(scope, tokens_, index_at(of24));
        const Value x = conv_bn_relu(scope / "conv", map, with_bias(conv3x3(o_.width)));
        scores = classify(scope / "score", enlarged(scope / "up", x, 4, op::CoordinateMode::half_pixel));
      } else {
        scores = naive(scope, index_at(of24));
      }
      auxiliary_.push_back(upsample_to(scope / "upsample", scores, image_));
    }
  }

  Scope net_;
  int64_t classes_;
  const SetrOptions& o_;
  Value image_;
  VitTokens tokens_;
  std::vector<Value> auxiliary_;
};

}  // namespace

Model setr(const NetOptions& options, SetrOptions parts) {
  OptionReader read("setr", options.set);
  parts.depth = read.integer("depth", parts.depth);
  parts.dim = read.integer("dim", parts.dim);
  parts.heads = read.integer("heads", parts.heads);
  parts.grid = read.integer("grid", parts.grid);
  parts.width = read.integer("width", parts.width);
  const bool auxiliary = read.flag("aux", true);
  read.finish();
  if (parts.width < 1 || parts.width > 4096)
    throw Error(ErrorKind::usage,
                {.where = "setr option width", .found = cat(parts.width), .allowed = "1 to 4096"});
  Model model;
  const Value image = image_input(model.graph, options);
  Builder(model.graph, options.classes, parts).build(image, auxiliary);
  model.info.preprocessing = imagenet_rgb();
  model.info.preprocessing.multiple = 16;
  return model;
}

}  // namespace vitrail
