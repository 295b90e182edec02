#include "vitrail/train/losses.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/train/upsampled_cross_entropy.h"

namespace vitrail::train {
namespace {

constexpr std::array<std::string_view, 5> kind_names = {"cross_entropy", "ohem", "focal", "dice", "lovasz"};
constexpr std::array<std::string_view, 2> reduction_names = {"mean", "sum"};

template <class Kind, size_t n>
Kind kind_from(std::string_view name, const std::array<std::string_view, n>& names, const char* where) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<Kind>(found - names.begin());
  throw Error(ErrorKind::usage, {.where = where,
                                 .found = cat("unknown name '", name, "'"),
                                 .next = did_you_mean(name, {names.begin(), names.end()})});
}

/// Zero with zero gradients, whatever the logits hold.
at::Tensor nothing(const at::Tensor& logits) {
  return logits.narrow(0, 0, 0).sum();
}

void check_labels(const at::Tensor& labels, int64_t ignore_index, int64_t classes) {
  const at::Tensor wrong = labels.ge(classes).logical_or_(labels.lt(0)).logical_and_(labels.ne(ignore_index));
  if (!wrong.any().item<bool>()) return;
  const at::Tensor where = wrong.nonzero()[0];
  const auto at = [&](int64_t i) { return where[i].item<int64_t>(); };
  throw Error(
      ErrorKind::format,
      {.where = cat("image ", at(0), " of the batch"),
       .found = cat("label ", labels[at(0)][at(1)][at(2)].item<int64_t>(), " at (", at(2), ",", at(1), ")"),
       .allowed = cat(classes, " classes are declared (0..", classes - 1, "), ", ignore_index, " is ignored"),
       .next = cat("Map it with label_map, or declare more classes")});
}

void check_shapes(const at::Tensor& logits, const at::Tensor& labels, int64_t classes,
                  const std::string& name) {
  if (logits.dim() == 4 && labels.dim() == 3 && logits.size(0) == labels.size(0) && logits.size(1) == classes)
    return;
  throw Error(ErrorKind::shape, {.where = cat("loss of output '", name, "'"),
                                 .found = cat("logits ", to_string(logits.sizes().vec()), " against labels ",
                                              to_string(labels.sizes().vec())),
                                 .allowed = cat("N x ", classes, " x h x w against N x H x W")});
}

/// Each cell of a grid of `height` x `width` laid over the labels gets the one at its centre.
at::Tensor reduced_labels(const at::Tensor& labels, int64_t height, int64_t width) {
  const auto centres = [&](int64_t from, int64_t to) {
    const at::Tensor cell = at::arange(to, labels.options().dtype(at::kLong));
    return at::div((2 * cell + 1) * from, 2 * to, "floor");
  };
  return labels.index_select(1, centres(labels.size(1), height))
      .index_select(2, centres(labels.size(2), width));
}

/// Border weights of a batch, f32 [N, H, W].
at::Tensor border_map(const at::Tensor& labels, const LossOptions& options) {
  const at::Tensor classes = labels.to(at::kCPU, at::kLong).contiguous();
  const int64_t height = classes.size(1), width = classes.size(2), plane = height * width;
  at::Tensor map = at::empty(classes.sizes(), at::kFloat);
  for (int64_t n = 0; n < classes.size(0); ++n) {
    const int64_t* from = classes.data_ptr<int64_t>() + n * plane;
    const std::vector<uint16_t> image(from, from + plane);
    const std::vector<float> weights =
        border_weights(image, height, width, options.border, static_cast<uint16_t>(options.ignore_index));
    std::copy(weights.begin(), weights.end(), map.data_ptr<float>() + n * plane);
  }
  return map;
}

/// The gradient of the Jaccard loss's Lovasz extension at errors sorted downwards (Berman et al. 2018,
/// algorithm 1).
at::Tensor lovasz_gradient(const at::Tensor& sorted_truth) {
  const at::Tensor total = sorted_truth.sum();
  const at::Tensor intersection = total - sorted_truth.cumsum(0);
  const at::Tensor union_ = total + (1 - sorted_truth).cumsum(0);
  at::Tensor jaccard = 1 - intersection / union_;
  const int64_t n = jaccard.size(0);
  return at::cat({jaccard.narrow(0, 0, 1), jaccard.narrow(0, 1, n - 1) - jaccard.narrow(0, 0, n - 1)});
}

}  // namespace

std::string_view name_of(LossKind kind) {
  return kind_names.at(static_cast<size_t>(kind));
}
LossKind loss_kind_from(std::string_view name) {
  return kind_from<LossKind>(name, kind_names, "loss");
}
std::string_view name_of(Reduction reduction) {
  return reduction_names.at(static_cast<size_t>(reduction));
}
Reduction reduction_from(std::string_view name) {
  return kind_from<Reduction>(name, reduction_names, "loss reduction");
}

std::vector<std::string> faults(const LossOptions& options, int64_t classes) {
  std::vector<std::string> result;
  const auto expect = [&](bool sound, const auto&... text) {
    if (!sound) result.push_back(cat(text...));
  };
  const auto weight = [](double value) { return std::isfinite(value) && value >= 0; };
  expect(classes >= 1, "classes is ", classes, "; it must be 1 or more");
  expect(!options.terms.empty(), "there is no loss; name at least one of ", join(kind_names));
  for (const LossTerm& term : options.terms)
    expect(weight(term.weight), "weight of ", name_of(term.kind), " is ", term.weight,
           "; it must be 0 or more");
  expect(options.class_weights.empty() || static_cast<int64_t>(options.class_weights.size()) == classes,
         "class_weights has ", options.class_weights.size(), " entries; ", classes, " classes are declared");
  expect(std::all_of(options.class_weights.begin(), options.class_weights.end(), weight),
         "class_weights are ", join(options.class_weights), "; each must be 0 or more");
  expect(options.ignore_index < 0 || options.ignore_index >= classes, "ignore_index ", options.ignore_index,
         " is also a class (0..", classes - 1, ")");
  expect(options.label_smoothing >= 0 && options.label_smoothing < 1, "label_smoothing is ",
         options.label_smoothing, "; it must be in [0, 1)");
  expect(weight(options.focal_gamma), "focal_gamma is ", options.focal_gamma, "; it must be 0 or more");
  expect(options.ohem_threshold > 0 && options.ohem_threshold <= 1, "ohem_threshold is ",
         options.ohem_threshold, "; it must be in (0, 1]");
  expect(options.ohem_min_kept >= 0, "ohem_min_kept is ", options.ohem_min_kept, "; it must be 0 or more");
  expect(std::isfinite(options.dice_smooth) && options.dice_smooth > 0, "dice_smooth is ",
         options.dice_smooth, "; it must be above 0");
  const BorderOptions& border = options.border;
  expect(weight(border.strength), "border strength is ", border.strength, "; it must be 0 or more");
  if (border.strength > 0) {
    expect(std::isfinite(border.sigma) && border.sigma > 0, "border sigma is ", border.sigma,
           "; it must be above 0");
    expect(border.cell >= 0 && border.cell < classes, "the cells of the border weights are class ",
           border.cell, "; ", classes, " classes are declared (0..", classes - 1, ")");
    expect(options.label_smoothing == 0, "label_smoothing and border weights exclude each other");
  }
  expect(weight(options.auxiliary_weight), "auxiliary_weight is ", options.auxiliary_weight,
         "; it must be 0 or more");
  for (const auto& [name, value] : options.auxiliary_weights)
    expect(weight(value), "auxiliary weight of ", name, " is ", value, "; it must be 0 or more");
  return result;
}

Loss::Loss(LossOptions options, int64_t classes) : options_(std::move(options)), classes_(classes) {
  if (const std::vector<std::string> found = faults(options_, classes_); !found.empty())
    throw Error(ErrorKind::usage, {.where = "loss", .found = join(found, "; ")});
}

double Loss::weight_of(const std::string& output) const {
  const auto own = options_.auxiliary_weights.find(output);
  return own == options_.auxiliary_weights.end() ? options_.auxiliary_weight : own->second;
}

at::Tensor Loss::presence(const std::string& name, const at::Tensor& logits, const at::Tensor& labels) const {
  if (logits.size(0) != labels.size(0) || logits.size(1) != classes_)
    throw Error(ErrorKind::shape, {.where = cat("loss of output '", name, "'"),
                                   .found = cat(logits.size(0), "x", logits.size(1)),
                                   .allowed = cat("images x classes: ", labels.size(0), "x", classes_)});
  const at::Tensor index = at::arange(classes_, labels.options().dtype(at::kLong)).view({1, -1, 1});
  const at::Tensor occurs = labels.to(at::kLong).flatten(1).unsqueeze(1).eq(index).any(2);
  return at::binary_cross_entropy_with_logits(logits, occurs.to(logits.scalar_type()));
}

LossValue Loss::operator()(const NamedTensors& outputs, const at::Tensor& labels) const {
  if (outputs.empty())
    throw Error(ErrorKind::usage,
                {.where = "loss", .found = "no outputs", .allowed = "at least the prediction"});
  LossValue value;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, output] = outputs[i];
    const double scale = i == 0 ? 1 : weight_of(name);
    const auto add_part = [&, &output_name = name](const at::Tensor& part, std::string_view kind,
                                                   double factor) {
      value.parts.emplace_back(i == 0 ? std::string(kind) : cat(output_name, ".", kind), part.detach());
      const at::Tensor weighted = part * factor;
      value.total = value.total.defined() ? value.total + weighted : weighted;
    };
    const auto add = [&](const at::Tensor& part, const LossTerm& term, double factor) {
      add_part(part, name_of(term.kind), term.weight * factor);
    };
    if (i > 0 && output.dim() == 2) {
      if (scale > 0) add_part(presence(name, output, labels), "presence", scale);
      continue;
    }
    check_shapes(output, labels, classes_, name);
    if (i == 0) check_labels(labels, options_.ignore_index, classes_);
    if (scale == 0) continue;
    const int64_t height = output.size(2), width = output.size(3);
    const at::Tensor seen = options_.reduce_labels ? reduced_labels(labels, height, width) : labels;
    if (is_fused(output, seen)) {
      add(fused_cross_entropy(output, seen), options_.terms[0], scale);
      continue;
    }
    const bool same_size = height == seen.size(1) && width == seen.size(2);
    const at::Tensor logits =
        same_size ? output
                  : at::upsample_bilinear2d(output, {seen.size(1), seen.size(2)}, /*align_corners=*/false);
    const at::Tensor classes = seen.to(at::kLong);
    for (const LossTerm& term : options_.terms)
      add(this->term(term.kind, logits, classes), term, scale);
  }
  return value;
}

bool Loss::is_fused(const at::Tensor& logits, const at::Tensor& labels) const {
  return options_.terms.size() == 1 && options_.terms[0].kind == LossKind::cross_entropy &&
         options_.label_smoothing == 0 && options_.border.strength == 0 &&
         upsampled_cross_entropy_takes(logits, labels);
}

at::Tensor Loss::fused_cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const {
  const std::vector<double> ones(static_cast<size_t>(classes_), 1);
  const CrossEntropySum result = upsampled_cross_entropy(
      logits, labels, options_.class_weights.empty() ? ones : options_.class_weights, options_.ignore_index);
  return reduced(result.sum, result.weights, logits);
}

at::Tensor Loss::term(LossKind kind, const at::Tensor& logits, const at::Tensor& labels) const {
  const at::Tensor valid = labels.ne(options_.ignore_index);
  if (!valid.any().item<bool>()) return nothing(logits);
  switch (kind) {
    case LossKind::cross_entropy:
      return options_.border.strength > 0 ? bordered_cross_entropy(logits, labels, valid)
                                          : cross_entropy(logits, labels);
    case LossKind::ohem: return ohem(logits, labels, valid);
    case LossKind::focal: return focal(logits, labels, valid);
    case LossKind::dice: return dice(logits, labels, valid);
    case LossKind::lovasz: return lovasz(logits, labels, valid);
  }
  return nothing(logits);
}

at::Tensor Loss::weights_like(const at::Tensor& logits) const {
  if (options_.class_weights.empty()) return at::ones({classes_}, logits.options());
  return at::tensor(options_.class_weights, at::kDouble).to(logits.options());
}

at::Tensor Loss::reduced(const at::Tensor& sum, const at::Tensor& weight_sum,
                         const at::Tensor& logits) const {
  if (options_.reduction == Reduction::sum) return sum / static_cast<double>(logits.size(0));
  return weight_sum.item<double>() > 0 ? sum / weight_sum.item<double>() : nothing(logits);
}

at::Tensor Loss::cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const {
  const at::Tensor weights = weights_like(logits);
  const at::Tensor sum = at::cross_entropy_loss(logits, labels, weights, at::Reduction::Sum,
                                                options_.ignore_index, options_.label_smoothing);
  const at::Tensor kept = labels.masked_select(labels.ne(options_.ignore_index));
  return reduced(sum, weights.index_select(0, kept).sum(), logits);
}

at::Tensor Loss::bordered_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                        const at::Tensor& valid) const {
  const at::Tensor safe = labels.masked_fill(valid.logical_not(), 0);
  const at::Tensor weights = (weights_like(logits).index_select(0, safe.flatten()).view_as(labels) +
                              border_map(labels, options_).to(logits.options()))
                                 .mul(valid);
  const at::Tensor log_p = at::log_softmax(logits, 1).gather(1, safe.unsqueeze(1)).squeeze(1);
  return reduced((weights * log_p).sum().neg(), weights.sum(), logits);
}

at::Tensor Loss::ohem(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const {
  at::Tensor hard;
  {
    const at::NoGradGuard no_gradients;
    const at::Tensor safe = labels.masked_fill(valid.logical_not(), 0).unsqueeze(1);
    at::Tensor p = at::softmax(logits, 1).gather(1, safe).squeeze(1);
    const at::Tensor candidates = p.masked_select(valid);
    const int64_t kept = std::min(options_.ohem_min_kept, candidates.numel());
    double threshold = options_.ohem_threshold;
    if (kept > 0) threshold = std::max(threshold, std::get<0>(candidates.kthvalue(kept)).item<double>());
    hard = labels.masked_fill(p.gt(threshold), options_.ignore_index);
  }
  return hard.ne(options_.ignore_index).any().item<bool>() ? cross_entropy(logits, hard) : nothing(logits);
}

at::Tensor Loss::focal(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const {
  const at::Tensor safe = labels.masked_fill(valid.logical_not(), 0);
  const at::Tensor log_p =
      at::log_softmax(logits, 1).gather(1, safe.unsqueeze(1)).squeeze(1).masked_select(valid);
  const at::Tensor weights = weights_like(logits).index_select(0, labels.masked_select(valid));
  // 1 - p, kept off 0 because a power below 1 has no slope there.
  const at::Tensor miss = log_p.expm1().neg().clamp_min(1e-7);
  return reduced((weights * miss.pow(options_.focal_gamma) * log_p).sum().neg(), weights.sum(), logits);
}

at::Tensor Loss::dice(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const {
  const at::Tensor p = at::softmax(logits, 1).mul(valid.unsqueeze(1));
  const at::Tensor index = at::arange(classes_, labels.options()).view({1, -1, 1, 1});
  const at::Tensor truth = labels.unsqueeze(1).eq(index).to(p.scalar_type());
  const at::Tensor both = (p * truth).sum({0, 2, 3}), count = truth.sum({0, 2, 3});
  const double s = options_.dice_smooth;
  const at::Tensor score = (2 * both + s) / (p.square().sum({0, 2, 3}) + count + s);
  return (1 - score).masked_select(count.gt(0)).mean();
}

at::Tensor Loss::lovasz(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const {
  const at::Tensor pixels = valid.flatten().nonzero().squeeze(1);
  const at::Tensor p =
      at::softmax(logits, 1).permute({0, 2, 3, 1}).reshape({-1, classes_}).index_select(0, pixels);
  const at::Tensor y = labels.flatten().index_select(0, pixels);
  std::vector<at::Tensor> losses;
  for (int64_t c = 0; c < classes_; ++c) {
    const at::Tensor truth = y.eq(c).to(p.scalar_type());
    if (truth.sum().item<double>() == 0) continue;
    const auto [errors, order] = (truth - p.select(1, c)).abs().sort(0, /*descending=*/true);
    losses.push_back(at::dot(errors, lovasz_gradient(truth.index_select(0, order))));
  }
  return at::stack(losses).mean();
}

}  // namespace vitrail::train
